# pg_castssl: build, install and test with PGXS.
#
#   make && sudo make install      build and install for the server of PG_CONFIG
#   make installcheck              regression tests against the running server
#   make dist                      a zip of the committed tree
#   make documentation TO=FOLDER   README.md with all that it links to, for a package
#
#   PG_CONFIG=...   which server      WERROR=1   more warnings, and each is an error
#   FAULTS=1        with points at which tests make it fail: never for a server in use
#   COVERAGE=1      counts the lines that run, for scripts/coverage
#   SANITIZE=1      with AddressSanitizer and UndefinedBehaviorSanitizer, whose runtime the server
#                   must have preloaded

EXTENSION = pg_castssl
MODULE_big = pg_castssl
# Debian builds in a folder of its own for each major, with VPATH naming this one.
tree := $(or $(VPATH),.)
VERSION_OF_EXTENSION = $(shell sed -n "s/^default_version *= *'\(.*\)'/\1/p" $(tree)/$(EXTENSION).control)

OBJS = $(patsubst $(tree)/%.c,%.o,$(sort $(wildcard $(addprefix $(tree)/src/,*.c */*.c */*/*.c */*/*/*.c))))
DATA = $(patsubst $(tree)/%,%,$(sort $(wildcard $(tree)/sql/pg_castssl--*.sql)))
ifdef VPATH
$(shell mkdir -p $(sort $(dir $(OBJS))))
endif
EXTRA_CLEAN = $(OBJS:.o=.d)
REGRESS = install arguments privileges status hba_rules

PG_CPPFLAGS = -I$(srcdir)/src -I$(libpq_srcdir)
PG_CFLAGS = -Wno-declaration-after-statement -MMD -MP
# Only what the server looks up by name is exported; PGXS asks for that from 16 on.
PG_CFLAGS += -fvisibility=hidden
SHLIB_LINK = -pthread $(libpq) -lssl -lcrypto

ifdef WERROR
PG_CFLAGS += -Wall -Wextra -Wno-unused-parameter -Wno-sign-compare \
	-Wno-missing-field-initializers -Werror
# PostgreSQL's flags are those of the compiler that it was built with.
ifneq (,$(findstring clang,$(CC)))
PG_CFLAGS += -Wno-unknown-warning-option -Wno-ignored-optimization-argument \
	-Wno-ignored-attributes
endif
endif

ifdef FAULTS
PG_CPPFLAGS += -DCASTSSL_FAULTS
endif

# Hardly optimized, for a line to be one; such a build is not the one whose warnings count.
ifdef COVERAGE
# every line as it is written; Debian asks for _FORTIFY_SOURCE, which warns without optimization
PG_CFLAGS += -O0 -Wno-cpp --coverage
SHLIB_LINK += --coverage
endif

ifdef SANITIZE
PG_CFLAGS += -O1 -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
SHLIB_LINK += -fsanitize=address,undefined
endif

PG_CONFIG ?= pg_config
PGXS := $(shell $(PG_CONFIG) --pgxs)

# A server built with LLVM wants bitcode, which takes the clang that it names.
ifeq (,$(shell command -v "$$(sed -n 's/^CLANG *= *//p' '$(dir $(PGXS))../Makefile.global')"))
override with_llvm = no
endif

# TAP tests start servers of their own, which root cannot; scripts/test knows how.
ifneq (0,$(shell id -u))
ifeq (yes,$(shell perl -MIPC::Run -e 'print "yes"' 2>/dev/null))
TAP_TESTS = 1
endif
endif

include $(PGXS)

# A header builds anew what includes it, and bitcode follows its object.
-include $(OBJS:.o=.d)
$(OBJS:.o=.bc): %.bc: %.o

dist:
	git archive --format=zip --prefix=$(EXTENSION)-$(VERSION_OF_EXTENSION)/ \
		--output=$(EXTENSION)-$(VERSION_OF_EXTENSION).zip HEAD

# README.md, and what it and the documents link to, where the links lead.
DOCUMENTATION = README.md CHANGELOG.md CONTRIBUTING.md SECURITY.md docs examples monitoring \
	bench/RESULTS.md $(patsubst $(tree)/%,%,$(wildcard $(tree)/bench/*.svg))

documentation:
	test -n '$(TO)' && mkdir -p '$(DESTDIR)$(TO)'
	tar -C $(tree) --mode=u=rwX,go=rX --exclude='.[a-z]*' -cf - $(DOCUMENTATION) | tar -C '$(DESTDIR)$(TO)' --no-same-owner -xf -

.PHONY: dist documentation
