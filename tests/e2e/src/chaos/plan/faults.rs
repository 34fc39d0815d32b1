//! What can fail, and when it does.

use rand::RngExt as _;
use rand::rngs::StdRng;
use rand::seq::{IndexedRandom as _, SliceRandom as _};
use sandbox::Fault;
use sandbox::fault;

use super::{Event, Plan, Size, step_between};
use crate::cloud::{AwsFault, AwsFaultKind};

const MAPPING: &str = "/segment/mapping/";
const AUDIENCE: &str = "/segment/audience/";
const ACCOUNT: [&str; 4] = ["/user/info/", "/advertiser/info/", AUDIENCE, "/dmp/custom_audience/list/"];
/// Longer than `TikTokTimeoutSeconds` of the chaotic stack.
const HANG_MS: u64 = 6_000;

/// A fault with its time.
#[derive(Clone, Debug, PartialEq)]
pub struct PlannedFault {
    /// The name of its kind.
    pub kind: &'static str,
    /// The step in which it begins.
    pub from: u32,
    /// The step in which it has ended.
    pub until: u32,
    /// The advertiser whose calls it hits, by number; those of all, if there is none.
    pub advertiser: Option<usize>,
    /// What it is.
    pub injection: Injection,
}

/// A fault as it is set.
#[derive(Clone, Debug, PartialEq)]
pub enum Injection {
    /// TikTok's.
    TikTok(Fault),
    /// Of an AWS service.
    Aws(AwsFault),
    /// TikTok shows an audience seconds after it was made, and for a minute after it was deleted.
    LaggingList,
    /// This function is ended by Lambda after a second.
    ShortTimeout(&'static str),
}

/// A kind of fault.
#[derive(Clone, Copy, Debug)]
pub struct Kind {
    /// Its name.
    pub name: &'static str,
    /// How many steps it lasts.
    lasts: u32,
    /// Whether it hits one advertiser alone.
    of_one: bool,
    /// This function is started anew when it begins: what it remembers would hide the fault.
    cold_starts: Option<&'static str>,
    /// This function is killed in the middle of it.
    killed: Option<&'static str>,
    /// Whether TikTok says that it does not accept tokens.
    pub refuses_tokens: bool,
    make: fn(u64) -> Injection,
}

const fn kind(name: &'static str, lasts: u32, make: fn(u64) -> Injection) -> Kind {
    Kind { name, lasts, of_one: false, cold_starts: None, killed: None, refuses_tokens: false, make }
}

const fn of_one(kind: Kind) -> Kind {
    Kind { of_one: true, ..kind }
}

const fn with_cold_start(function: &'static str, kind: Kind) -> Kind {
    Kind { cold_starts: Some(function), ..kind }
}

const fn with_kill(function: &'static str, kind: Kind) -> Kind {
    Kind { killed: Some(function), ..kind }
}

const fn of_tokens(kind: Kind) -> Kind {
    Kind { refuses_tokens: true, ..kind }
}

fn mapping(fault: Fault) -> Injection {
    Injection::TikTok(fault.on(MAPPING))
}

fn code(code: u32, message: &str) -> Fault {
    Fault::code(code, message)
}

fn account(fault: Fault) -> Injection {
    Injection::TikTok(ACCOUNT.into_iter().fold(fault, Fault::on))
}

fn sqs(kind: AwsFaultKind, action: &'static str, by: &'static str, share: f64, seed: u64) -> Injection {
    Injection::Aws(AwsFault::sqs(kind).on(action).by(by).share(share, seed))
}

fn secrets(kind: AwsFaultKind, by: &'static str, share: f64, seed: u64) -> Injection {
    Injection::Aws(AwsFault::secrets(kind).by(by).share(share, seed))
}

use AwsFaultKind::{AnswerLost, Down, EntryRefused, Slow, Throttled};

/// All kinds of faults.
pub const CATALOG: [Kind; 59] = [
    // TikTok throttles.
    of_one(kind("tiktok: an advertiser is throttled (40132)", 6, |_| mapping(code(40132, "Advertiser QPS")))),
    of_one(kind("tiktok: an advertiser is throttled (40133)", 6, |_| mapping(code(40133, "Too loud").share(0.7)))),
    kind("tiktok: the app is throttled (40100)", 4, |_| mapping(code(40100, "Too many requests").share(0.5))),
    kind("tiktok: HTTP 429", 4, |_| mapping(Fault::status(429).share(0.5))),
    // TikTok refuses.
    of_one(of_tokens(kind("tiktok: not permitted (40001)", 6, |_| mapping(code(40001, "No permission").next(2))))),
    kind("tiktok: a parameter is wrong (40002)", 6, |_| mapping(code(40002, "Rows are not acceptable").next(2))),
    kind("tiktok: something is missing (40007)", 6, |_| mapping(code(40007, "Audience does not exist").next(2))),
    kind("tiktok: too large (40011)", 6, |_| mapping(code(40011, "Too many rows").next(3))),
    kind("tiktok: an unknown code (49999)", 6, |_| mapping(code(49999, "Who knows").next(2))),
    kind("tiktok: partly done (20001)", 8, |_| mapping(Fault::new(fault::Kind::Partly).share(0.7))),
    of_tokens(kind("tiktok: the token, though it lives (40105)", 6, |_| mapping(code(40105, "Token").next(3)))),
    of_tokens(kind("tiktok: the token has expired (40102)", 6, |_| mapping(code(40102, "Expired").next(3)))),
    of_tokens(kind("tiktok: no access to the advertiser (40131)", 6, |_| mapping(code(40131, "Access").next(3)))),
    of_tokens(kind("tiktok: every token is refused", 5, |_| Injection::TikTok(Fault::tokens_refused()))),
    kind("tiktok: the app is blocked (40113)", 4, |_| mapping(code(40113, "App is blocked").share(0.5))),
    kind("tiktok: not on the allow-list (40118)", 4, |_| mapping(code(40118, "Allow-list").next(2))),
    kind("tiktok: HTTP 404", 4, |_| mapping(Fault::status(404).next(2))),
    kind("tiktok: a redirect", 4, |_| mapping(Fault::new(fault::Kind::Redirect { location: None }).next(2))),
    // TikTok is in trouble.
    kind("tiktok: an internal error (50000)", 6, |_| mapping(code(50000, "Internal").share(0.4))),
    kind("tiktok: an internal error, applied (51010)", 6, |_| mapping(code(51010, "Time-out").applied().share(0.4))),
    kind("tiktok: trouble of another system (60001)", 6, |_| mapping(code(60001, "System").share(0.4))),
    kind("tiktok: HTTP 502", 6, |_| mapping(Fault::status(502).share(0.5))),
    of_one(kind("tiktok: HTTP 503 for an advertiser", 8, |_| mapping(Fault::status(503)))),
    of_one(kind("tiktok: hangs until the time-out", 8, |_| mapping(Fault::hang(HANG_MS)))),
    kind("tiktok: is slow", 6, |_| mapping(Fault::hang(1_200).share(0.5))),
    kind("tiktok: cut", 6, |_| mapping(Fault::cut().share(0.4))),
    kind("tiktok: applied, then cut", 6, |_| mapping(Fault::cut().applied().share(0.5))),
    kind("tiktok: truncated, applied", 6, |_| mapping(Fault::new(fault::Kind::Truncated).applied().share(0.4))),
    kind("tiktok: oversized", 5, |_| mapping(Fault::new(fault::Kind::Oversized { bytes: 20_000_000 }).share(0.4))),
    kind("tiktok: nonsense", 5, |_| mapping(Fault::text("<html>busy</html>").share(0.4))),
    kind("tiktok: nothing in the body", 5, |_| mapping(Fault::text("").share(0.4))),
    // TikTok's other calls.
    kind("tiktok account: an internal error (50002)", 10, |_| account(code(50002, "Internal").share(0.5))),
    kind("tiktok account: applied, then cut", 10, |_| account(Fault::cut().applied().share(0.5))),
    kind("tiktok account: throttled (40100)", 8, |_| account(code(40100, "Too many requests").share(0.5))),
    kind("tiktok account: is slow", 8, |_| account(Fault::hang(1_500).share(0.5))),
    kind("tiktok: lists lag", 20, |_| Injection::LaggingList),
    // SQS, in front of ingest.
    kind("sqs, ingest: an entry is refused", 6, |seed| sqs(EntryRefused, "SendMessageBatch", "ingest", 0.5, seed)),
    kind("sqs, ingest: throttled", 6, |seed| sqs(Throttled, "SendMessageBatch", "ingest", 0.6, seed)),
    kind("sqs, ingest: sent, the answer lost", 6, |seed| sqs(AnswerLost, "SendMessageBatch", "ingest", 0.5, seed)),
    kind("sqs, ingest: down", 6, |seed| sqs(Down, "SendMessageBatch", "ingest", 0.7, seed)),
    // SQS, behind the uploader.
    kind("sqs, uploader: receiving is throttled", 6, |seed| sqs(Throttled, "ReceiveMessage", "uploader", 0.5, seed)),
    kind("sqs, uploader: received, the answer lost", 4, |seed| {
        sqs(AnswerLost, "ReceiveMessage", "uploader", 0.15, seed)
    }),
    kind("sqs, uploader: a delete is refused", 20, |seed| {
        sqs(EntryRefused, "DeleteMessageBatch", "uploader", 0.8, seed)
    }),
    kind("sqs, uploader: deleted, the answer lost", 6, |seed| {
        sqs(AnswerLost, "DeleteMessageBatch", "uploader", 0.4, seed)
    }),
    kind("sqs, uploader: deleting is down", 10, |seed| sqs(Down, "DeleteMessageBatch", "uploader", 0.8, seed)),
    with_kill(
        "uploader",
        kind("sqs, uploader: deleting is slow, and the uploader is killed", 9, |seed| {
            sqs(Slow(800), "DeleteMessageBatch", "uploader", 0.9, seed)
        }),
    ),
    kind("sqs, uploader: a delay is refused", 20, |seed| {
        sqs(EntryRefused, "ChangeMessageVisibilityBatch", "uploader", 0.4, seed)
    }),
    kind("sqs, uploader: a letter is not taken", 30, |seed| sqs(Down, "SendMessageBatch", "uploader", 0.5, seed)),
    kind("sqs, uploader: a letter is sent, the answer lost", 30, |seed| {
        sqs(AnswerLost, "SendMessageBatch", "uploader", 0.5, seed)
    }),
    kind("sqs, uploader: down", 4, |seed| Injection::Aws(AwsFault::sqs(Down).by("uploader").share(0.5, seed))),
    // Secrets Manager.
    with_cold_start("ingest", kind("secrets, ingest: throttled", 6, |seed| secrets(Throttled, "ingest", 0.6, seed))),
    with_cold_start("ingest", kind("secrets, ingest: slow", 6, |seed| secrets(Slow(1_500), "ingest", 0.6, seed))),
    with_cold_start("ingest", kind("secrets, ingest: down", 5, |seed| secrets(Down, "ingest", 0.8, seed))),
    with_cold_start(
        "ingest",
        kind("secrets, ingest: the answer lost", 6, |seed| secrets(AnswerLost, "ingest", 0.5, seed)),
    ),
    with_cold_start(
        "uploader",
        kind("secrets, uploader: throttled", 6, |seed| secrets(Throttled, "uploader", 0.6, seed)),
    ),
    with_cold_start("uploader", kind("secrets, uploader: slow", 6, |seed| secrets(Slow(2_000), "uploader", 0.6, seed))),
    with_cold_start("uploader", kind("secrets, uploader: down", 5, |seed| secrets(Down, "uploader", 0.8, seed))),
    with_cold_start(
        "auth-redirect",
        kind("secrets, the page: throttled", 0, |seed| secrets(Throttled, "auth-redirect", 0.5, seed)),
    ),
    // Lambda.
    kind("lambda: ingest times out", 5, |_| Injection::ShortTimeout("ingest")),
];

/// Spreads faults and the ends of functions over the steps.
pub(super) fn schedule(plan: &mut Plan, rng: &mut StdRng, size: Size) {
    let mut kinds: Vec<&Kind> = CATALOG.iter().collect();
    kinds.shuffle(rng);
    if size == Size::Short {
        kinds.truncate(usize::try_from(plan.steps / 3).unwrap_or_default());
    }
    let count = kinds.len();
    for (place, kind) in kinds.into_iter().enumerate() {
        // One after the other, and some at a time.
        #[expect(clippy::cast_precision_loss, reason = "a small number")]
        let from = 0.06 + 0.82 * place as f64 / count as f64;
        let from = step_between(rng, plan.steps, from, from + 0.05);
        let fault = kind.planned(plan, rng, from);
        plan.events.extend(kind.cold_starts.map(|function| (fault.from, Event::ColdStart(function))));
        for after in [3, 6] {
            plan.events.extend(kind.killed.map(|function| (fault.from + after, Event::Kill(function))));
        }
        plan.faults.push(fault);
    }
    plan.faults.sort_by_key(|fault| fault.from);
    let each: u32 = if size == Size::Full { 4 } else { 1 };
    let mut event = |event| plan.events.push((step_between(rng, plan.steps, 0.1, 0.9), event));
    for function in ["ingest", "uploader"] {
        for _ in 0..each {
            event(Event::Kill(function));
        }
        for _ in 0..each.div_ceil(2) {
            event(Event::ColdStart(function));
            event(Event::Redeploy(function));
        }
    }
    if size == Size::Full {
        event(Event::TimeOut);
    }
}

impl Kind {
    fn planned(&self, plan: &Plan, rng: &mut StdRng, from: u32) -> PlannedFault {
        // A fault of the page is there when somebody authorizes.
        let authorized = plan.events.iter().find(|(_, event)| matches!(event, Event::Authorize(_)));
        let from = authorized.filter(|_| self.lasts == 0).map_or(from, |(step, _)| step.saturating_sub(1));
        let injection = (self.make)(rng.random_range(1..1_000));
        // Lists lag while audiences are being connected.
        let from = if injection == Injection::LaggingList { plan.steps / 10 } else { from };
        let until = (from + self.lasts.max(4)).min(plan.steps);
        // Not one whose token ends: its calls end too.
        let fed: Vec<_> = plan.connections.iter().filter(|connection| !connection.is_never_healed).collect();
        let advertiser = self.of_one.then(|| fed.choose(rng).map(|connection| connection.advertiser)).flatten();
        PlannedFault { kind: self.name, from, until, advertiser, injection }
    }
}
