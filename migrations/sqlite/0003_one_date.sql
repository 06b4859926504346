-- One date for all that a run's list says: who is on it was a friend then, and a friend from before who is not was gone.
ALTER TABLE runs RENAME COLUMN started_at TO as_of;

-- Before this moment the lease's next holder does nothing: what former holders did may go on having effects until then.
ALTER TABLE leases ADD COLUMN quiet_until INTEGER NOT NULL DEFAULT 0;
-- 1: its holder also has the operating system's lock of that name, which ends with the process.
ALTER TABLE leases ADD COLUMN is_locked INTEGER NOT NULL DEFAULT 0;
