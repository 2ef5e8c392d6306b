/*
 * enable.h
 *		What castssl_enable() and castssl_disable() plan.
 */
#ifndef CASTSSL_FLOW_RECIPE_ENABLE_H
#define CASTSSL_FLOW_RECIPE_ENABLE_H

#include "flow/plan/plan.h"
#include "flow/plan/which.h"
#include "flow/plan/stricter.h"
#include "hba/edit/edit.h"

/* Arguments of castssl_enable, checked. */
typedef struct CastsslEnableOptions
{
	CastsslWhich files; /* needs_ca follows from wanted */
	CastsslHbaWanted wanted;
	CastsslReading reading; /* of the rows */
	const char *profile;    /* 'intermediate', 'modern'; NULL keeps protocol versions and ciphers */
} CastsslEnableOptions;

/* The plans of castssl_enable and castssl_disable.  Raise an error if no plan is possible. */
extern CastsslPlan *castssl_plan_enable(const CastsslEnableOptions *options);
extern CastsslPlan *castssl_plan_disable(void);

#endif
