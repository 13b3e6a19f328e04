//! The named limits of everything that grows. Those that an operator may want to move are defaults of the
//! [configuration](crate::catalog::config) instead, within bounds stated there.

use std::time::Duration;

/// The longest line of input, in bytes.
pub const LINE_BYTES_MAX: usize = 1 << 20;
/// The longest `system_id`, `system_type` or metric name, in bytes.
pub const NAME_BYTES_MAX: usize = 256;
/// The longest text value of a metric, in bytes.
pub const TEXT_BYTES_MAX: usize = 1024;
/// Custom metrics in one sample.
pub const CUSTOM_METRICS_MAX: usize = 256;
/// Distinct metric names in the fleet. A sample that brings one more is refused.
pub const METRIC_NAMES_MAX: usize = 1 << 16;
/// Distinct metrics of one system, over its whole life.
pub const METRICS_PER_SYSTEM_MAX: usize = 1024;
/// Distinct system types in the fleet. A sample that brings one more is refused.
pub const SYSTEM_TYPES_MAX: usize = 4096;
/// System types with models of their own; samples of further types are not scored.
pub const MODELLED_TYPES_MAX: usize = 64;
/// Systems that a shard keeps.
pub const SYSTEMS_PER_SHARD_MAX: usize = 1_000_000;
/// Rules in force at once.
pub const RULES_MAX: usize = 1000;
/// Scorers in force at once.
pub const SCORERS_MAX: usize = 16;
/// Shards.
pub const SHARDS_MAX: usize = 64;
/// Rows of a batch.
pub const BATCH_ROWS_MAX: usize = 65_536;
/// Rows in one call of a plugin; longer batches are handed over in parts.
pub const CALL_ROWS_MAX: usize = 8192;
/// Batches under way between two stages.
pub const QUEUE_BATCHES: usize = 4;

/// Rounds between a replay that feeds the shards and what it has collected from them.
pub const ROUNDS_UNDER_WAY: usize = 4 * QUEUE_BATCHES;
/// Rows that are written to the journal together.
pub const ROUND_ROWS_MAX: usize = 4096;
/// Refused rows that an answer lists; further ones are counted.
pub const REFUSALS_LISTED_MAX: usize = 100;
/// Events on their way to a listener; one that is further behind reads them from the store.
pub const EVENTS_UNDER_WAY: usize = 4096;
/// Lines kept of a detection's history; the first is always kept.
pub const CASE_ENTRIES_MAX: usize = 200;
/// The longest note that a person leaves at a detection, in bytes.
pub const NOTE_BYTES_MAX: usize = 4096;
/// Matches of which a detection keeps what the plugin was shown.
pub const DECIDING_ROWS_MAX: usize = 10;
/// Metrics that a detection names as those that made its score.
pub const CONTRIBUTIONS_MAX: usize = 5;
/// Probes that may be configured.
pub const PROBES_MAX: usize = 1000;
/// Probes under way at once; who comes when there are more is not probed, and its evidence says so.
pub const PROBES_UNDER_WAY: usize = 256;
/// Entries of the block list.
pub const BLOCKS_MAX: usize = 100_000;
/// Changes of the block list that can be followed; who is further behind takes the whole list.
pub const BLOCK_CHANGES_KEPT: usize = 100_000;
/// Documents attached to a detection.
pub const ATTACHMENTS_MAX: usize = 16;
/// Instances of one action that are kept while nothing is to be done.
pub const IDLE_INSTANCES_MAX: usize = 16;
/// Plugins known at once.
pub const PLUGINS_MAX: usize = 1000;
/// Versions kept of one plugin.
pub const VERSIONS_MAX: usize = 200;

/// Messages to the trainer under way; a sender waits while there are more.
pub const TRAINER_MESSAGES: usize = 1024;

/// Inputs of one plugin.
pub const INPUTS_MAX: usize = 64;
/// Parameters of one rule.
pub const PARAMETERS_MAX: usize = 32;
/// Occurrences that a rule may ask for before it opens a detection.
pub const OCCURRENCES_MAX: u32 = 1000;
/// The longest window of a rule.
pub const WINDOW_S_MAX: u32 = 7 * 86_400;
/// The largest component, in bytes.
pub const COMPONENT_BYTES_MAX: u64 = 64 << 20;
/// The largest model of a scorer, in bytes.
pub const MODEL_BYTES_MAX: usize = 16 << 20;
/// The longest explanation, in bytes.
pub const EXPLANATION_BYTES_MAX: usize = 4096;

/// Linear memory of one plugin instance, in bytes.
pub const INSTANCE_MEMORY_BYTES_MAX: usize = 256 << 20;
/// Elements of one table of a plugin instance.
pub const INSTANCE_TABLE_ELEMENTS_MAX: usize = 20_000;
/// The stack of a plugin's call, in bytes.
pub const STACK_BYTES_MAX: usize = 512 << 10;
/// The longest line that a plugin may log, in bytes; the rest is cut.
pub const LOG_LINE_BYTES_MAX: usize = 1024;
/// Lines that a plugin may log in one call; the rest is counted.
pub const LOG_LINES_PER_CALL_MAX: u32 = 16;

/// The longest refusal or explanation of a failure that is kept of a plugin, in bytes.
pub const REASON_BYTES_MAX: usize = 1024;
/// What a call may hand to the host, beside what its rows are worth, in bytes: descriptors, explanations, log lines.
pub const ANSWER_BYTES_MAX: usize = 1 << 20;
/// What an answer may be large by each row, in bytes: a place in a list, or a score, as they are counted.
pub const ANSWER_BYTES_PER_ROW_MAX: usize = 64;

/// Lines that a plugin may log in a [`LOG_WINDOW`], all its instances together; the rest is counted.
pub const LOG_LINES_PER_WINDOW_MAX: u32 = 200;
/// The time in which those are counted.
pub const LOG_WINDOW: Duration = Duration::from_secs(10);

/// How often the deadline of a running call is looked at.
pub const EPOCH: Duration = Duration::from_millis(10);
/// How long `configure` and `load` may take.
pub const CONFIGURE_DEADLINE: Duration = Duration::from_secs(2);
/// How long judging one batch may take.
pub const BATCH_DEADLINE: Duration = Duration::from_millis(250);
/// How long training may take.
pub const TRAIN_DEADLINE: Duration = Duration::from_secs(30);
/// Failed calls of a plugin, less the clean batches since, at which it goes into quarantine.
pub const STRIKES_MAX: u32 = 32;
/// The first quarantine of a rule, in seconds; each further one in a row is twice as long.
pub const QUARANTINE_FIRST_S: f64 = 10.0;
/// The longest quarantine, in seconds.
pub const QUARANTINE_MAX_S: f64 = 600.0;
/// Rows that a rule may dead-letter in one batch; further ones are counted as not judged.
pub const DEAD_ROWS_PER_BATCH_MAX: usize = 16;
/// Differences between a shadow and the live version that are kept word for word, in one shard and rule.
pub const SHADOW_EXAMPLES_MAX: usize = 100;
/// Rows of a system's history that are written down together.
pub const CHUNK_ROWS: u64 = 32;

/// How long a call of an action may take, waiting for others included, unless configured.
pub const ACTION_DEADLINE: Duration = Duration::from_secs(10);
/// How long an action may compute in one call. What it waits for others does not count.
pub const ACTION_COMPUTE_MAX: Duration = Duration::from_secs(2);
/// What an action may hand to the host at once, in bytes: a request, or an outcome with what it attaches.
pub const ACTION_ANSWER_BYTES_MAX: usize = 4 << 20;
/// Effects of one call of an action.
pub const EFFECTS_MAX: usize = 64;
/// The longest text in an effect, in bytes: a name, a subject, a reason.
pub const EFFECT_TEXT_BYTES_MAX: usize = 1024;
/// The longest entry of the block list and the longest wait for a report.
pub const EFFECT_LASTS_S_MAX: u32 = 30 * 86_400;
/// Names in the audience of an escalation.
pub const AUDIENCE_MAX: usize = 64;
/// Requests, mails and looks into history of one call of an action.
pub const OUTSIDE_CALLS_MAX: u32 = 64;
/// Hosts, secrets or recipients granted to one action.
pub const GRANTS_MAX: usize = 256;
/// The longest secret, in bytes.
pub const SECRET_BYTES_MAX: usize = 64 << 10;
/// The longest URL of a request, in bytes.
pub const URL_BYTES_MAX: usize = 8192;
/// The longest body of a request, and what is read of an answer's, in bytes.
pub const HTTP_BODY_BYTES_MAX: usize = 1 << 20;
/// Headers of a request or an answer.
pub const HTTP_HEADERS_MAX: usize = 100;
/// All headers of a request, in bytes.
pub const HTTP_HEADER_BYTES_MAX: usize = 16 << 10;
/// How long connecting to a host may take.
pub const CONNECT_DEADLINE: Duration = Duration::from_secs(5);
/// How long a connection is kept that nobody uses.
pub const HTTP_IDLE_MAX: Duration = Duration::from_secs(60);
/// Connections to one host that are kept while nobody uses them.
pub const HTTP_IDLE_CONNECTIONS_MAX: usize = 16;
/// Connections to the mail server.
pub const MAIL_CONNECTIONS_MAX: u32 = 4;
/// How long the mail server may take for one step.
pub const MAIL_DEADLINE: Duration = Duration::from_secs(30);
/// Recipients of one mail.
pub const MAIL_RECIPIENTS_MAX: usize = 50;
/// The longest subject of a mail, in bytes.
pub const SUBJECT_BYTES_MAX: usize = 512;
/// Text and HTML of a mail together, in bytes.
pub const MAIL_BYTES_MAX: usize = 1 << 20;
/// Samples that an action may read of a system at once.
pub const HISTORY_SAMPLES_MAX: u32 = 1000;
/// Other systems that an action may be told of at once.
pub const PEERS_MAX: u32 = 1000;
/// What a dry run would have sent that is kept until somebody looks; the rest is counted.
pub const DRY_RUN_NOTES_MAX: usize = 1000;

/// Routes in the tree of alerts.
pub const ROUTES_MAX: usize = 1000;
/// Levels of that tree.
pub const ROUTE_DEPTH_MAX: usize = 16;
/// Receivers of one route, or of one level of an escalation.
pub const RECEIVERS_MAX: usize = 100;
/// Inhibition rules.
pub const INHIBITIONS_MAX: usize = 1000;
/// Maintenance windows.
pub const WINDOWS_MAX: usize = 1000;
/// Days or dates that one maintenance window lists.
pub const WINDOW_DATES_MAX: usize = 1000;
/// Escalation policies.
pub const ESCALATIONS_MAX: usize = 100;
/// Levels of one escalation policy.
pub const ESCALATION_LEVELS_MAX: usize = 16;
/// Labels that one matcher set looks at, and labels that one route groups by.
pub const MATCHERS_MAX: usize = 64;
/// A compiled regular expression of a matcher, in bytes.
pub const PATTERN_BYTES_MAX: usize = 1 << 18;
/// Silences kept at once, ended ones included.
pub const SILENCES_MAX: usize = 10_000;
/// The longest silence, in days.
pub const SILENCE_DAYS_MAX: i64 = 365;
/// How long an ended silence is kept for display, in seconds.
pub const SILENCE_KEPT_S: f64 = 86_400.0;
/// The longest owner or comment of a silence, in bytes.
pub const SILENCE_TEXT_BYTES_MAX: usize = 1024;
/// Values that are remembered of a label which silences without an equality look at.
pub const REMEMBERED_VALUES_MAX: usize = 1000;
/// Members that a notification lists; all are counted.
pub const LISTED_MEMBERS_MAX: usize = 50;
/// Systems on a chain of dependencies that is followed.
pub const DEPENDENCY_STEPS_MAX: usize = 64;
/// How long a system may say goodbye for, in seconds: thirty days.
pub const ABSENCE_S_MAX: f64 = 30.0 * 86_400.0;
