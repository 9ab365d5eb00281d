"""Dead letters in the service's own database, their repairs, and events that no queue takes."""

from chassis.migration_steps import dead_letters

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

upgrade = dead_letters.upgrade
downgrade = dead_letters.downgrade
