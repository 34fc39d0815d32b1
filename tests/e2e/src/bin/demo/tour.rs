//! The steps of the demo, in their order: authorize, register, connect, join, leave.

use std::time::Duration;

use anyhow::{Context, Result};
use e2e::consent::TICKED;
use e2e::{Account, Audience, Model, People, Stack, Transport, message};
use serde_json::Value;

use crate::crowd::Crowd;
use crate::terminal::{Terminal, grouped};

/// The person who authorizes, by the sandbox's name.
const PERSON: &str = "admin";
/// How long the queue may take to drain.
const PATIENCE: Duration = Duration::from_secs(90);
/// Of each of the person's accounts: how many people it has, and what its audiences are called.
const CROWDS: [(usize, &[&str]); 3] =
    [(12_000, &["Summer sale", "Lapsed buyers"]), (4_000, &["Runners"]), (8_000, &["Newsletter readers"])];

/// What was set up and sent.
pub(crate) struct Tour<'s> {
    stack: &'s Stack,
    /// What TikTok must hold.
    pub(crate) model: Model,
    /// The advertiser's name of each crowd.
    pub(crate) names: Vec<String>,
    pub(crate) crowds: Vec<Crowd>,
    /// Firehose messages with users that were sent.
    pub(crate) messages: usize,
}

impl<'s> Tour<'s> {
    /// Authorizes, registers and connects.
    pub(crate) async fn begin(terminal: &mut Terminal, stack: &'s Stack) -> Result<Self> {
        let person = stack.tiktok.person(PERSON).await?.display_name;
        let mut shown = stack.authorize(PERSON, &TICKED).await?.authorized()?;
        // In the order of their names, since ids differ from run to run.
        shown.accounts.sort_by(|one, other| other.1.cmp(&one.1));
        let accounts = shown.accounts.len();
        terminal.step("authorize", &format!("{person} agrees; the page shows a token for {accounts} accounts"));

        let registration = stack.mparticle.deliver(Transport::Http, &message::registration()).await?;
        terminal.step("register", &registered(&registration)?);

        let mut tour = Self { stack, model: Model::default(), names: Vec::new(), crowds: Vec::new(), messages: 0 };
        let mut people = People::new("demo");
        for ((account_id, (count, names)), (advertiser_id, advertiser)) in (1..).zip(CROWDS).zip(shown.accounts) {
            let account = Account { account_id, advertiser_id, token: shown.token.clone() };
            let mut audiences = Vec::new();
            for (number, name) in (1..).zip(names) {
                let audience = stack.connect(&account, account_id * 100 + number, name).await?;
                tour.model.knows(&audience);
                audiences.push(audience);
            }
            tour.names.push(advertiser);
            tour.crowds.push(Crowd::new(account, audiences, &mut people, count));
        }
        let audiences: usize = tour.crowds.iter().map(|crowd| crowd.audiences.len()).sum();
        terminal.step("connect", &format!("{audiences} audiences of {} advertisers", tour.crowds.len()));
        Ok(tour)
    }

    /// Everybody joins, and the queue drains.
    pub(crate) async fn join(&mut self, terminal: &mut Terminal) -> Result<()> {
        let Self { model, crowds, .. } = self;
        let mut messages: Vec<_> = crowds.iter().flat_map(|crowd| crowd.joins(model)).collect();
        let stray = Audience { audience_id: 999, name: "Never connected".to_owned(), by_email: false, tiktok_id: None };
        messages.extend(crowds.first().map(|crowd| crowd.strays(model, &stray)));
        let people: usize = crowds.iter().map(Crowd::size).sum();
        self.send(terminal, &messages, &format!("{} people join", grouped(people))).await
    }

    /// Some leave, and some of those come back.
    pub(crate) async fn leave(&mut self, terminal: &mut Terminal) -> Result<()> {
        let Self { model, crowds, .. } = self;
        let before = model.counts.users;
        let messages: Vec<_> = crowds.iter().flat_map(|crowd| crowd.leaves(model)).collect();
        let what = format!("{} leave or come back", grouped(model.counts.users - before));
        self.send(terminal, &messages, &what).await
    }

    async fn send(&mut self, terminal: &mut Terminal, messages: &[Value], what: &str) -> Result<()> {
        let all = messages.len();
        self.messages += all;
        let show = |sent| terminal.bar("send", sent, all, &format!("{sent} of {all} messages sent"));
        self.stack.mparticle.deliver_all(messages, show).await?;
        terminal.step("send", &format!("{what}: {all} messages by both transports"));
        let queue = &self.stack.queue;
        let mut most = 0;
        let show = |depth: e2e::queue::Depth| {
            let left = usize::try_from(depth.all()).unwrap_or(usize::MAX);
            most = most.max(left);
            terminal.bar("drain", most - left, most, &format!("{left} messages in the queue"));
        };
        queue.drained_showing(PATIENCE, show).await?;
        terminal.step("drain", "the queue is empty");
        Ok(())
    }
}

/// Who the product says it is.
fn registered(response: &Value) -> Result<String> {
    let text = |field: &str| response[field].as_str().with_context(|| format!("the registration lacks {field}"));
    let settings = response["audience_processing_registration"]["account_settings"].as_array();
    let names: Vec<_> = settings.into_iter().flatten().filter_map(|setting| setting["name"].as_str()).collect();
    Ok(format!("{} {} asks for {}", text("name")?, text("version")?, names.join(", ")))
}
