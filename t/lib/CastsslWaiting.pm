# What the tests wait for at a server: part of CastsslTest.
package CastsslWaiting;

use strict;
use warnings;
use CastsslPolling qw(wait_until);

# Waits until no change is being made, or being taken back for its transaction did not commit.
# A superuser's look stands in for a worker; %options go to psql.
sub settle
{
	my ($self, %options) = @_;
	wait_until(sub {
		my ($ok, $open) = $self->psql("SELECT count(*) FROM castssl_changes() WHERE state IN ('applying', 'uncommitted')", %options);
		return $ok && $open eq '0';
	});
	return;
}

# Waits until the worker that a change has started is gone, unless a change waits to be confirmed.
sub alone
{
	my ($self) = @_;
	wait_until(sub {
		my ($ok, $count) = $self->psql("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'pg_castssl'
			AND current_setting('shared_preload_libraries') NOT LIKE '%pg_castssl%' AND (SELECT change_state FROM castssl_status()) IS DISTINCT FROM 'unconfirmed'");
		return !$ok || $count eq '0';
	});
	return;
}

# Waits until no more than so many clients (none) are connected by TCP: whoever has gone is in the views for a moment.
sub clients_gone
{
	my ($self, $stay) = @_;
	return wait_until(sub {
		my ($ok, $count) = $self->psql('SELECT count(*) FROM pg_stat_activity WHERE client_addr IS NOT NULL');
		return !$ok || $count <= ($stay // 0);
	});
}

1;
