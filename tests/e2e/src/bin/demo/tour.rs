//! The steps of the demo, in their order: authorize, register, connect, join, leave.

use anyhow::{Context, Result};
use e2e::consent::TICKED;
use e2e::{Account, Audience, Model, People, Stack, Transport, message};
use sandbox::Rules;
use serde_json::Value;

use crate::crowd::Crowd;
use crate::terminal::{Terminal, grouped};

/// The person who authorizes, by the sandbox's name.
const PERSON: &str = "admin";
/// The people of the second account who are told of by e-mail too, and their audience.
const BY_EMAIL: (usize, &str) = (200, "Members, by e-mail too");
/// How many of them ask to be forgotten.
const FORGOTTEN: usize = 10;
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
    /// People who asked to be forgotten.
    pub(crate) forgotten: usize,
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

        // Whether one audience takes device ids and addresses is not known of TikTok.
        stack.tiktok.set_rules(&Rules { one_hash_family: false, ..stack.tiktok.rules().await? }).await?;
        let (model, names, crowds) = (Model::default(), Vec::new(), Vec::new());
        let mut tour = Self { stack, model, names, crowds, messages: 0, forgotten: 0 };
        let mut people = People::new("demo");
        for ((account_id, (count, names)), (advertiser_id, advertiser)) in (1..).zip(CROWDS).zip(shown.accounts) {
            let account = Account { account_id, advertiser_id, token: shown.token.clone() };
            let mut audiences = Vec::new();
            for (number, name) in (1..).zip(names) {
                audiences.push(tour.connect(&account, account_id * 100 + number, name).await?);
            }
            tour.names.push(advertiser);
            tour.crowds.push(Crowd::new(account, audiences, &mut people, count));
        }
        tour.connect_by_email(&mut people).await?;
        let audiences: usize = tour.crowds.iter().map(|crowd| crowd.audiences.len()).sum();
        terminal.step("connect", &format!("{audiences} audiences of {accounts} advertisers, one by e-mail too"));
        Ok(tour)
    }

    async fn connect(&mut self, account: &Account, audience_id: i64, name: &str) -> Result<Audience> {
        let audience = self.stack.connect(account, audience_id, name).await?;
        self.model.knows(&audience);
        Ok(audience)
    }

    async fn connect_by_email(&mut self, people: &mut People) -> Result<()> {
        let (count, name) = BY_EMAIL;
        let account = self.crowds.get(1).context("a second account")?.account.clone();
        let connected = self.connect(&account, account.account_id * 100 + 99, name).await?;
        self.names.push(self.names.get(1).context("a second account")?.clone());
        self.crowds.push(Crowd::new(account, vec![Audience { by_email: true, ..connected }], people, count));
        Ok(())
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

    /// Some of those who are told of by e-mail ask to be forgotten: they leave all audiences of their account.
    pub(crate) async fn forget(&mut self, terminal: &mut Terminal) -> Result<()> {
        let Self { model, crowds, .. } = self;
        let crowd = crowds.last().context("a crowd")?;
        let of_account = crowds.iter().filter(|other| other.account.account_id == crowd.account.account_id);
        let audiences: Vec<_> = of_account.flat_map(|crowd| &crowd.audiences).collect();
        let messages: Vec<_> = crowd
            .people
            .iter()
            .take(FORGOTTEN)
            .map(|person| {
                let (identities, ids) = person.subject();
                let request = message::erasure(Some(&crowd.account), &message::message_id(), &identities);
                model.erase(
                    0,
                    &audiences.iter().filter_map(|audience| audience.tiktok_id.clone()).collect::<Vec<_>>(),
                    &ids,
                );
                request
            })
            .collect();
        self.forgotten += messages.len();
        self.send(terminal, &messages, &format!("{FORGOTTEN} ask to be forgotten")).await
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
        queue.drained_showing(show).await?;
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
