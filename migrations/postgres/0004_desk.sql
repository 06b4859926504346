-- Why reachable people are more or fewer, counted since this ledger counts it: what the numbers of two moments differ by.
-- Of new people: those that webhooks brought, and those that a follower list named. Lapsed: who only wrote, too long ago.
ALTER TABLE counts
  ADD COLUMN followed bigint NOT NULL DEFAULT 0,
  ADD COLUMN listed bigint NOT NULL DEFAULT 0,
  ADD COLUMN returned bigint NOT NULL DEFAULT 0,
  ADD COLUMN blocked bigint NOT NULL DEFAULT 0,
  ADD COLUMN lapsed bigint NOT NULL DEFAULT 0;

-- Of each channel, as copies of a ledger have it.
CREATE VIEW growth AS
  SELECT channel, sum(followed)::bigint AS followed, sum(listed)::bigint AS listed, sum(returned)::bigint AS returned,
    sum(blocked)::bigint AS blocked, sum(lapsed)::bigint AS lapsed
  FROM counts GROUP BY channel;

-- The counts as they were at the end of each hour, for a month, and of each day, for two years.
CREATE TABLE series (
  channel text COLLATE "C" NOT NULL,
  -- The beginning of the hour.
  at bigint NOT NULL,
  friend bigint NOT NULL,
  messager bigint NOT NULL,
  gone bigint NOT NULL,
  linked bigint NOT NULL,
  followed bigint NOT NULL,
  listed bigint NOT NULL,
  returned bigint NOT NULL,
  blocked bigint NOT NULL,
  lapsed bigint NOT NULL,
  PRIMARY KEY (channel, at)
);

-- Processes that serve, as they last said of themselves.
CREATE TABLE servers (
  id text COLLATE "C" PRIMARY KEY,
  version text NOT NULL,
  started_at bigint NOT NULL,
  seen_at bigint NOT NULL,
  -- What it says of delivery in its health.
  state text NOT NULL,
  reason text
);

-- When a webhook was last stored, and when Braze last accepted something, whichever server it was; 0: never.
CREATE TABLE activity (
  channel text COLLATE "C" PRIMARY KEY,
  webhook_at bigint NOT NULL,
  delivered_at bigint NOT NULL
);

-- NULL: before this was kept; ended_at also while it goes on.
ALTER TABLE runs ADD COLUMN began_at bigint, ADD COLUMN ended_at bigint;
