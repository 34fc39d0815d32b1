//! Every metric of this product: what its alarms, its dashboard and its README may name, and what its functions may emit.
//!
//! Tests hold all of them to this table. CloudWatch keeps a series, and bills one, for each set of dimensions with each of its values.

use std::fmt;

/// A function of this product, as the dimension `function` names it.
pub const FUNCTIONS: [&str; 3] = ["auth-redirect", "ingest", "uploader"];

/// How values of a metric are gathered between two flushes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Added up.
    Counter,
    /// The highest is kept. Nothing is written where none was set since the last flush.
    Peak,
}

/// CloudWatch's name of a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Things.
    Count,
    /// Seconds.
    Seconds,
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// A metric.
#[derive(Debug, Clone, Copy)]
pub struct Metric {
    /// Its name in CloudWatch.
    pub name: &'static str,
    /// How its values are gathered.
    pub kind: Kind,
    /// What it counts.
    pub unit: Unit,
    /// The functions that emit it. Each of its sets of dimensions has `function` too.
    pub functions: &'static [&'static str],
    /// The labels with which it is emitted, each a dimension of the last set.
    pub labels: &'static [&'static str],
    /// Fewer labels, under which the same value is published once more: the sum over the others.
    pub also_by: &'static [&'static [&'static str]],
    /// What it says.
    pub meaning: &'static str,
}

impl Metric {
    const fn by(self, labels: &'static [&'static str]) -> Self {
        Self { labels, ..self }
    }

    const fn and_by(self, also_by: &'static [&'static [&'static str]]) -> Self {
        Self { also_by, ..self }
    }

    /// The metric of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        METRICS.iter().find(|metric| metric.name == name)
    }

    /// The sets of dimensions under which CloudWatch has it, besides `function`.
    pub fn dimension_sets(&self) -> impl Iterator<Item = &'static [&'static str]> {
        self.also_by.iter().copied().chain([self.labels])
    }
}

const INGEST: &[&str] = &["ingest"];
const UPLOADER: &[&str] = &["uploader"];

const fn counter(name: &'static str, functions: &'static [&'static str], meaning: &'static str) -> Metric {
    Metric { name, kind: Kind::Counter, unit: Unit::Count, functions, labels: &[], also_by: &[], meaning }
}

const fn peak(name: &'static str, unit: Unit, functions: &'static [&'static str], meaning: &'static str) -> Metric {
    Metric { kind: Kind::Peak, unit, ..counter(name, functions, meaning) }
}

/// All of them, in the order of a change's way.
pub const METRICS: &[Metric] = &[
    // mParticle's requests.
    counter(
        "requests",
        INGEST,
        "Requests of mParticle, by their type and the word of their answer (`ok`, or the code of an error)",
    )
    .by(&["type", "answer"])
    .and_by(&[&[], &["answer"]]),
    counter(
        "authorized",
        INGEST,
        "Requests over HTTP with an accepted token, by which of the two it is: `current` or `previous`",
    )
    .by(&["token"]),
    counter("users_received", INGEST, "Profiles in membership messages"),
    counter("dropped", INGEST, "Profiles, ids and changes that were left out, by the reason").by(&["reason"]),
    counter("changes_queued", INGEST, "Changes, and ids of people to be forgotten, that were put on the queue"),
    counter("messages_queued", INGEST, "Messages that were put on the queue"),
    counter("erasures", INGEST, "People who ask to be forgotten, by what became of the request").by(&["outcome"]),
    counter("suspended_answers", INGEST, "Answers that told mParticle to suspend a connection"),
    counter("token_probes", INGEST, "Tokens that TikTok was asked about, by what it said").by(&["outcome"]),
    counter(
        "refused_new_tokens",
        INGEST,
        "Messages whose new token TikTok refuses, of connections that work with another",
    ),
    counter("connections_revived", INGEST, "Refused or dead connections that TikTok accepts again, by how")
        .by(&["how"]),
    counter("stale_records", INGEST, "Messages whose connection was read from a record that may be out of date"),
    counter(
        "records_unavailable",
        INGEST,
        "Messages whose connection could not be read; their changes are queued all the same",
    ),
    counter(
        "disconnected_without_access",
        INGEST,
        "Audiences that TikTok keeps, since access was gone when they were disconnected",
    ),
    // The uploader's work.
    peak("messages_waiting", Unit::Count, UPLOADER, "Messages on the queue, those at work included"),
    counter("rows_received", UPLOADER, "Rows in the messages at work; what comes back counts again"),
    counter("erasures_received", UPLOADER, "Ids to be erased in the messages at work; what comes back counts again"),
    counter("ids_erased", UPLOADER, "Ids that left every audience, since their person asked to be forgotten"),
    counter("ids_dropped", UPLOADER, "Ids that are not uploaded, by the reason").by(&["reason"]),
    counter("changes_superseded", UPLOADER, "Changes that a newer one of the same id and audience replaced"),
    counter("changes_of_deleted_audiences", UPLOADER, "Changes for audiences that the connection itself deleted"),
    counter(
        "changes_of_forgotten_customers",
        UPLOADER,
        "Changes that were dropped, since their customer was forgotten after they were made",
    ),
    counter("calls", UPLOADER, "Mapping calls to TikTok"),
    counter("calls_divided", UPLOADER, "Refused calls that were divided to find what TikTok refuses"),
    counter("throttles", UPLOADER, "Mapping calls that TikTok throttled"),
    counter("rows_sent", UPLOADER, "Rows in mapping calls"),
    counter("ids_uploaded", UPLOADER, "Rows in mapping calls that TikTok took"),
    counter("changes_delivered", UPLOADER, "Changes that TikTok took"),
    counter("changes_rejected", UPLOADER, "Changes that TikTok refused"),
    counter("changes_postponed", UPLOADER, "Changes that wait, by the cause; each counts at every attempt")
        .by(&["cause"])
        .and_by(&[&[]]),
    peak(
        "oldest_change_age_seconds",
        Unit::Seconds,
        UPLOADER,
        "Age of the oldest change that waits, by whose trouble that is: `everybody`, `connection`, or `nobody` \
         (it was not tried for want of time)",
    )
    .by(&["trouble"]),
    counter("dead_letters", UPLOADER, "Messages written to the dead-letter queue, by the cause")
        .by(&["cause"])
        .and_by(&[&[]]),
    counter(
        "erasure_letters",
        UPLOADER,
        "Dead letters that hold erasures: people who asked to be forgotten are in audiences still",
    ),
    counter("connections_refused", UPLOADER, "Connections whose token TikTok began to refuse"),
    counter("connections_dead", UPLOADER, "Connections that died: somebody has to authorize again"),
    counter("panics", UPLOADER, "Faults in this program; the changes wait"),
    // The page.
    counter("auth_requests", &["auth-redirect"], "Requests to the authorization page, by what came of them")
        .by(&["outcome"]),
    // Everywhere.
    counter("operator_faults", &FUNCTIONS, "What only the operator can fix: a blocked app, a wrong or missing secret"),
];
