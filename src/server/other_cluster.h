/*
 * other_cluster.h
 *		Does a file lie in a folder of another cluster?
 */
#ifndef CASTSSL_SERVER_OTHER_CLUSTER_H
#define CASTSSL_SERVER_OTHER_CLUSTER_H

/*
 * In whose folder the file lies, or the file that a symbolic link leads to; a clause such as
 * "in "/data/b", a folder of another cluster": in a data directory, beside the configuration of
 * another cluster, or in a folder that is named after an older major.  NULL: in one of this
 * cluster's own, or in nobody's.
 */
extern const char *castssl_other_cluster_owner(const char *file);

#endif
