/**
 * For each alert of deploy/alerts.yaml what Prometheus has scraped when it fires, and when it does not although it is near.
 * Values as promtool reads them: `1x5` is 1 six times, and `0+3x5` counts up by 3.
 */
export interface AlertCase {
  /** Between two scrapes. Default 1. */
  readonly stepMinutes?: number
  /** After so many steps it fires, or does not. */
  readonly steps: number
  /** After so many it fires for the first time. */
  readonly firesAt: number
  readonly fires: Scraped
  /** For the other half of its condition, where it has two. */
  readonly orFires?: Scraped
  /** The labels that the alert has then, beside its name and severity. */
  readonly labels: Readonly<Record<string, string>>
  readonly quiet: Readonly<Record<string, Scraped>>
}
type Scraped = Readonly<Record<string, string>>

const JOB = { job: 'line-braze' }
const CHANNEL = { ...JOB, channel: 'shop' }

const of = (more: Readonly<Record<string, string>>) =>
  `{${Object.entries({ ...JOB, instance: 'a', ...more })
    .map(([name, value]) => `${name}="${value}"`)
    .join(',')}}`
const webhooks = (outcome: string) => `line_braze_webhooks_total${of({ channel: 'shop', outcome })}`
const matches = (secret: string) => `line_braze_secret_matches_total${of({ channel: 'shop', secret })}`
const commits = (le: string) => `line_braze_commit_seconds_bucket${of({ le })}`
const requests = (status: string) => `line_braze_braze_requests_total${of({ status })}`
const links = (outcome: string) => `line_braze_links_total${of({ channel: 'shop', source: 'api', outcome })}`
const ofShop = (name: string) => `line_braze_${name}${of({ channel: 'shop' })}`
const on = (name: string, instance: string) => `${name}${of({ instance })}`

/** In steps of ten minutes, as six hours are 36. */
const WEEK = 1_008

export const CASES: Readonly<Record<string, AlertCase>> = {
  LineBrazeDown: {
    steps: 8,
    firesAt: 7,
    fires: { [on('up', 'a')]: '1x4 0x5', [on('up', 'b')]: '0x10' },
    labels: JOB,
    quiet: {
      'one of two answers': { [on('up', 'a')]: '1x10', [on('up', 'b')]: '0x10' },
      'a restart': { [on('up', 'a')]: '1x6 0 1x5' },
    },
  },
  LineBrazeCannotStore: {
    steps: 8,
    firesAt: 7,
    fires: { [on('line_braze_ready', 'a')]: '1x4 0x5', [on('line_braze_ready', 'b')]: '0x10' },
    labels: JOB,
    quiet: {
      'one of two can': { [on('line_braze_ready', 'a')]: '1x10', [on('line_braze_ready', 'b')]: '0x10' },
      'a failover': { [on('line_braze_ready', 'a')]: '1x6 0 1x5' },
    },
  },
  LineBrazeServerOut: {
    steps: 10,
    firesAt: 9,
    fires: {
      [on('up', 'a')]: '1x3 0x9',
      [on('up', 'b')]: '1x12',
      [on('line_braze_ready', 'b')]: '1x12',
    },
    orFires: {
      [on('up', 'a')]: '1x12',
      [on('up', 'b')]: '1x12',
      [on('line_braze_ready', 'a')]: '1x3 0x9',
      [on('line_braze_ready', 'b')]: '1x12',
    },
    labels: { ...JOB, instance: 'a' },
    quiet: {
      'both are out, and another alert fires': {
        [on('up', 'a')]: '0x12',
        [on('up', 'b')]: '1x12',
        [on('line_braze_ready', 'b')]: '0x12',
      },
      'a new version': {
        [on('up', 'a')]: '1x8 0x3',
        [on('up', 'b')]: '1x12',
        [on('line_braze_ready', 'b')]: '1x12',
      },
    },
  },
  LineBrazeWebhooksNotStored: {
    steps: 30,
    firesAt: 11,
    fires: { [webhooks('accepted')]: '0+90x30', [webhooks('unavailable')]: '0+10x30' },
    labels: CHANNEL,
    quiet: {
      'one in thirty': { [webhooks('accepted')]: '0+97x30', [webhooks('unavailable')]: '0+3x30' },
      'a failover, five minutes ago': {
        [webhooks('accepted')]: '0+100x24 2400x1 2400+100x5',
        [webhooks('unavailable')]: '0x24 100x6',
      },
    },
  },
  LineBrazeNothingSigned: {
    steps: 40,
    firesAt: 30,
    fires: { [webhooks('accepted')]: '500x40', [webhooks('unsigned')]: '0+0.4x40' },
    labels: CHANNEL,
    quiet: {
      'strangers beside LINE': { [webhooks('accepted')]: '0+1x40', [webhooks('unsigned')]: '0+100x40' },
      'a stranger at night': { [webhooks('accepted')]: '500x40', [webhooks('unsigned')]: '0x20 8x20' },
    },
  },
  LineBrazeSilence: {
    stepMinutes: 10,
    steps: WEEK + 40,
    firesAt: WEEK + 38,
    fires: { [webhooks('accepted')]: `0+1x${WEEK} ${WEEK}x40` },
    labels: CHANNEL,
    quiet: {
      'a quiet account': { [webhooks('accepted')]: `0x9 15x${WEEK + 30}` },
      'one in six hours': { [webhooks('accepted')]: `0+1x${WEEK} ${WEEK}x20 ${WEEK + 1}x20` },
    },
  },
  LineBrazeOldSecret: {
    steps: 90,
    firesAt: 61,
    fires: { [matches('1')]: '0+1x90', [matches('0')]: '7x90' },
    labels: CHANNEL,
    quiet: {
      'nobody writes': { [matches('1')]: '7x90' },
      'by the first one': { [matches('0')]: '0+1x90' },
      'while it is replaced': { [matches('1')]: '0+1x60 60x30', [matches('0')]: '0x60 0+1x30' },
    },
  },
  LineBrazeCommitsSlow: {
    steps: 20,
    firesAt: 11,
    fires: {
      [commits('0.01')]: '0+90x20',
      [commits('0.5')]: '0+95x20',
      [commits('1')]: '0+100x20',
      [commits('+Inf')]: '0+100x20',
    },
    labels: { ...JOB, instance: 'a' },
    quiet: {
      'one in a thousand': {
        [commits('0.01')]: '0+999x20',
        [commits('0.5')]: '0+999x20',
        [commits('1')]: '0+1000x20',
        [commits('+Inf')]: '0+1000x20',
      },
      'a third of a second': {
        [commits('0.2')]: '0+98x20',
        [commits('0.5')]: '0+100x20',
        [commits('+Inf')]: '0+100x20',
      },
      'nobody writes': { [commits('0.5')]: '5x20', [commits('1')]: '9x20', [commits('+Inf')]: '9x20' },
    },
  },
  LineBrazeWebhooksFail: {
    steps: 20,
    firesAt: 12,
    fires: { [webhooks('failed')]: '0x10 1x10' },
    labels: CHANNEL,
    quiet: { 'an old one': { [webhooks('failed')]: '1x20' } },
  },
  LineBrazeWebhooksTooLarge: {
    steps: 20,
    firesAt: 12,
    fires: { [webhooks('too_large')]: '0x10 1x10' },
    labels: CHANNEL,
    quiet: { 'an old one': { [webhooks('too_large')]: '1x20' } },
  },
  LineBrazeRestarts: {
    steps: 20,
    firesAt: 9,
    fires: { [on('process_start_time_seconds', 'a')]: '1000x5 1300 1360 1420x15' },
    labels: { ...JOB, instance: 'a' },
    quiet: {
      'a new version, and back': { [on('process_start_time_seconds', 'a')]: '1000x5 1300x5 1660x15' },
    },
  },
  LineBrazeNobodyDelivers: {
    steps: 8,
    firesAt: 7,
    fires: {
      [on('line_braze_delivering', 'a')]: '1x4 0x5',
      [on('line_braze_delivering', 'b')]: '0x10',
    },
    labels: JOB,
    quiet: {
      'another one takes over': {
        [on('line_braze_delivering', 'a')]: '1x6 0x4',
        [on('line_braze_delivering', 'b')]: '0x7 1x4',
      },
    },
  },
  LineBrazeTwoDeliver: {
    steps: 10,
    firesAt: 8,
    fires: { [on('line_braze_delivering', 'a')]: '1x10', [on('line_braze_delivering', 'b')]: '0x2 1x8' },
    labels: JOB,
    quiet: {
      'the lease changes hands': {
        [on('line_braze_delivering', 'a')]: '1x8 0x3',
        [on('line_braze_delivering', 'b')]: '0x7 1x4',
      },
      'two databases, each a job': {
        [on('line_braze_delivering', 'a')]: '1x10',
        'line_braze_delivering{job="line-braze-eu",instance="b"}': '1x10',
      },
    },
  },
  LineBrazeKeyRefused: {
    steps: 20,
    firesAt: 7,
    fires: { [requests('401')]: '0+2x20', [requests('201')]: '700x20' },
    labels: JOB,
    quiet: {
      'something else may not': { [requests('403')]: '0+2x20', [requests('201')]: '0+5x20' },
      'twice an hour, and nothing to deliver': { [requests('403')]: '3x15 5x5', [requests('201')]: '700x20' },
    },
  },
  LineBrazeNothingDelivered: {
    steps: 40,
    firesAt: 21,
    fires: {
      [on('line_braze_oldest_pending_seconds', 'a')]: '0+60x40',
      [on('line_braze_delivery_seconds_count', 'a')]: '700x40',
    },
    labels: JOB,
    quiet: {
      'a large import': {
        [on('line_braze_oldest_pending_seconds', 'a')]: '0+60x40',
        [on('line_braze_delivery_seconds_count', 'a')]: '0+50000x40',
      },
      'an outage of some minutes': {
        [on('line_braze_oldest_pending_seconds', 'a')]: '0x25 0+60x14',
        [on('line_braze_delivery_seconds_count', 'a')]: '700x40',
      },
      'nothing to deliver': {
        [on('line_braze_oldest_pending_seconds', 'a')]: '0x40',
        [on('line_braze_delivery_seconds_count', 'a')]: '700x40',
      },
    },
  },
  LineBrazePendingTooLong: {
    steps: 90,
    firesAt: 76,
    fires: { [on('line_braze_oldest_pending_seconds', 'a')]: '0+60x90' },
    labels: JOB,
    quiet: {
      'an outage that is over': { [on('line_braze_oldest_pending_seconds', 'a')]: '0+60x70 0x20' },
      'most of an hour': { [on('line_braze_oldest_pending_seconds', 'a')]: '3000x90' },
    },
  },
  LineBrazeRejectedGrows: {
    steps: 60,
    firesAt: 21,
    fires: { [ofShop('failed')]: '2x10 16x50' },
    labels: CHANNEL,
    quiet: {
      'some, as every day': { [ofShop('failed')]: '2x10 10x50' },
      'old ones': { [ofShop('failed')]: '500x60' },
    },
  },
  LineBrazeForgettingTooLong: {
    stepMinutes: 10,
    steps: 50,
    // After 37 steps it is more than six hours, and a step later for ten minutes.
    firesAt: 38,
    fires: { [ofShop('oldest_forgetting_seconds')]: '0+600x50' },
    labels: CHANNEL,
    quiet: {
      'who ask all day long': { [ofShop('oldest_forgetting_seconds')]: '5+10x50' },
      'an outage that is over': { [ofShop('oldest_forgetting_seconds')]: '0+600x37 0x13' },
      nobody: { [ofShop('oldest_forgetting_seconds')]: '0x50' },
    },
  },
  LineBrazeTokenNotRenewed: {
    steps: 60,
    firesAt: 31,
    fires: { [ofShop('token_seconds_left')]: '648010-60x60' },
    labels: CHANNEL,
    quiet: {
      'it is about to be renewed': { [ofShop('token_seconds_left')]: '1296000-60x60' },
      'a week and a half': { [ofShop('token_seconds_left')]: '900000-60x60' },
    },
  },
  LineBrazeTokenEnds: {
    steps: 40,
    firesAt: 26,
    fires: { [ofShop('token_seconds_left')]: '2000000x10 100000x30' },
    labels: CHANNEL,
    quiet: {
      'four days': { [ofShop('token_seconds_left')]: '350000x40' },
      'it was revoked, and replaced': { [ofShop('token_seconds_left')]: '2000000x20 0x10 2592000x10' },
    },
  },
  LineBrazeQuotaNearlyUsed: {
    steps: 40,
    firesAt: 15,
    fires: { [ofShop('line_quota')]: '1000x40', [ofShop('line_quota_used')]: '905x40' },
    labels: CHANNEL,
    quiet: {
      'half of it': { [ofShop('line_quota')]: '1000x40', [ofShop('line_quota_used')]: '500x40' },
      'there is no limit': { [ofShop('line_quota_used')]: '1000000x40' },
      'the month is over': { [ofShop('line_quota')]: '1000x40', [ofShop('line_quota_used')]: '950x30 0x10' },
    },
  },
  LineBrazeQuotaUsedUp: {
    steps: 40,
    firesAt: 15,
    fires: { [ofShop('line_quota')]: '1000x40', [ofShop('line_quota_used')]: '1000x40' },
    labels: CHANNEL,
    quiet: { 'one is left': { [ofShop('line_quota')]: '1000x40', [ofShop('line_quota_used')]: '999x40' } },
  },
  LineBrazeLinksFail: {
    steps: 40,
    firesAt: 21,
    fires: { [links('linked')]: '0+4x40', [links('unreachable')]: '0+0.5x40' },
    labels: CHANNEL,
    quiet: {
      'one in fourteen': { [links('linked')]: '0+93x40', [links('unreachable')]: '0+7x40' },
      'a few people, and LINE is down': { [links('linked')]: '2x40', [links('unreachable')]: '0x30 4x10' },
      'somebody tries tokens': { [links('linked')]: '0+1x40', [links('refused')]: '0+50x40' },
    },
  },
  LineBrazeLinksWait: {
    steps: 400,
    firesAt: 371,
    fires: { [ofShop('linked')]: '300x400', [ofShop('waiting')]: '0x10 20x390' },
    labels: CHANNEL,
    quiet: {
      'new customers': { [ofShop('linked')]: '1000x400', [ofShop('waiting')]: '100x300 10x100' },
      'one in thirty': { [ofShop('linked')]: '1000x400', [ofShop('waiting')]: '35x400' },
      'a few people': { [ofShop('linked')]: '50x400', [ofShop('waiting')]: '8x400' },
    },
  },
}

/** What two servers and a channel look like in a night in which nobody has to get up. */
export const HEALTHY: Scraped = {
  [on('up', 'a')]: '1x480',
  [on('up', 'b')]: '1x480',
  [on('process_start_time_seconds', 'a')]: '1000x200 43000x280',
  [on('line_braze_ready', 'a')]: '1x480',
  [on('line_braze_ready', 'b')]: '1x480',
  [on('line_braze_delivering', 'a')]: '1x200 0x280',
  [on('line_braze_delivering', 'b')]: '0x199 1x281',
  [on('line_braze_oldest_pending_seconds', 'a')]: '2x480',
  [on('line_braze_oldest_pending_seconds', 'b')]: '3x480',
  [on('line_braze_delivery_seconds_count', 'a')]: '0+9x480',
  [webhooks('accepted')]: '0+100x480',
  [webhooks('unsigned')]: '0+1x480',
  [webhooks('unavailable')]: '0x480',
  [webhooks('failed')]: '0x480',
  [webhooks('too_large')]: '0x480',
  [matches('0')]: '0+100x480',
  [commits('0.01')]: '0+100x480',
  [commits('+Inf')]: '0+100x480',
  [requests('201')]: '0+9x480',
  [requests('429')]: '0+1x480',
  [links('linked')]: '0+5x480',
  [ofShop('failed')]: '3x480',
  [ofShop('oldest_forgetting_seconds')]: '0x100 0+60x5 0x375',
  [ofShop('linked')]: '1000+5x480',
  [ofShop('waiting')]: '4x480',
  [ofShop('token_seconds_left')]: '1400000-60x480',
  [ofShop('line_quota')]: '30000x480',
  [ofShop('line_quota_used')]: '5000+3x480',
}
