//! The operator's tool on a stack that has customers in trouble: each question of an operator takes one command.

use std::path::PathBuf;
use std::process::Output;

use anyhow::{Context, Result, ensure};
use e2e::{
    Account, Action, Customer, Expected, Model, Options, People, Profile, Stack, Transport, message, story, until,
};
use serde_json::Value;
use tokio::process::Command;

const MAPPING: &str = "/segment/mapping/";

/// The tool, which `make test` builds beside this program.
fn program() -> Result<PathBuf> {
    let own = std::env::current_exe()?;
    let found = own.ancestors().skip(1).take(2).map(|folder| folder.join("operator")).find(|path| path.is_file());
    found.context("the operator's tool is missing: cargo build -p operator")
}

async fn run(arguments: &[&str]) -> Result<Output> {
    Ok(Command::new(program()?).args(arguments).env_remove("OPERATOR_STACK_NAME").output().await?)
}

/// What a command says as JSON, and that it says it to people too.
pub(crate) async fn ask(stack: &Stack, command: &[&str]) -> Result<Value> {
    let file = stack.directory().join("stack.json").display().to_string();
    let shown = run(&[&["--stack", &file], command].concat()).await?;
    let told = run(&[command, &["--stack", &file, "--json"]].concat()).await?;
    for output in [&shown, &told] {
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "{command:?}: {said}{}", String::from_utf8_lossy(&output.stdout));
        ensure!(output.stderr.is_empty(), "{command:?}: {said}");
    }
    ensure!(!shown.stdout.is_empty());
    serde_json::from_slice(&told.stdout).with_context(|| format!("{command:?} is no JSON"))
}

/// The same for a command that changes something, and so runs once.
async fn order(stack: &Stack, command: &[&str]) -> Result<Value> {
    let file = stack.directory().join("stack.json").display().to_string();
    let told = run(&[command, &["--stack", &file, "--json"]].concat()).await?;
    ensure!(told.status.success(), "{command:?}: {}", String::from_utf8_lossy(&told.stderr));
    Ok(serde_json::from_slice(&told.stdout)?)
}

fn row<'a>(status: &'a Value, advertiser: &str) -> Result<&'a Value> {
    let rows = status["connections"].as_array().context("connections")?;
    rows.iter().find(|row| row["advertiser"] == advertiser).with_context(|| format!("no row of {advertiser}: {status}"))
}

pub(crate) async fn an_operator_finds_what_was_given_up_and_why_and_sends_it_again() -> Result<()> {
    story(Options::new(), async |stack| {
        ensure!(
            ask(stack, &["check"]).await?.as_array().is_some_and(|lines| lines.iter().all(|line| line["ok"] == true))
        );
        let (customer, audience) = stack.connected("Given up").await?;
        let advertiser = customer.account.advertiser_id.as_str();
        let people = People::new("given up").plain(40);
        let (refused, served) = people.split_at(10);
        for person in refused {
            let Expected::Uploaded(_, hash) = &person.devices[0].expected else { anyhow::bail!("no id") };
            stack.tiktok.poison(hash, 40002, "id is not acceptable").await?;
        }
        let mut model = Model::default();
        model.apply(&Profile::all(served, &audience, Action::Add));
        let sent = message::membership(&customer.account, &Profile::all(&people, &audience, Action::Add));
        let firehose_id = sent["id"].as_str().context("an id")?.to_owned();
        stack.mparticle.deliver(Transport::Http, &sent).await?;
        stack.arrives(&model).await?;

        // Who is in trouble, and how many users wait.
        let status = ask(stack, &["status"]).await?;
        ensure!(status["queue"]["messages"] == 0 && status["queue"]["users_estimate"] == 0, "{status}");
        ensure!(row(&status, advertiser)?["state"] == "active", "{status}");
        ensure!(row(&status, advertiser)?["last_delivered_ms"].is_i64(), "{status}");
        // Why is this a dead letter, whose is it, and which call was it.
        let list = ask(stack, &["dead-letters", "list", "--advertiser", advertiser]).await?;
        ensure!(list["groups"][0]["cause"] == "rejected" && list["groups"][0]["code"] == 40002, "{list}");
        let letters = list["letters"].as_array().context("letters")?;
        let adds: u64 = letters.iter().filter_map(|letter| letter["adds"].as_u64()).sum();
        ensure!(adds == 10, "{list}");
        let shown = ask(stack, &["dead-letters", "show", letters[0]["id"].as_str().context("an id")?]).await?;
        ensure!(
            shown["tiktok_request_id"].is_string() && shown["rows"][0]["id"].as_str().is_some_and(|id| id.len() < 12)
        );
        // The local cloud has the lines of an invocation when it ends.
        until("the log tells the whole way", async || {
            let way = ask(stack, &["trace", &firehose_id]).await?;
            Ok(way["settled"] == way["queued"])
        })
        .await?;
        let way = ask(stack, &["trace", &firehose_id]).await?;
        ensure!(way["queued"].as_u64().is_some_and(|queued| queued > 0) && way["queued"] == way["settled"], "{way}");
        ensure!(way["calls"].as_array().is_some_and(|calls| calls.iter().any(|call| call["taken"] == true)), "{way}");
        ensure!(way["letters"].as_array().map(Vec::len) == Some(letters.len()), "{way}");
        let audiences = ask(stack, &["audiences", advertiser]).await?;
        let account = customer.account.account_id.to_string();
        ensure!(audiences["list"][0]["account"] == *account, "{audiences}");
        ensure!(ask(stack, &["token", "check", advertiser]).await?[0]["tiktok"] == "accepted");

        // Send these again: nobody joins unless that is asked for.
        let kept = order(stack, &["dead-letters", "redrive", "--cause", "rejected"]).await?;
        ensure!(kept["letters"] == 0 && kept["adds_kept"] == 10, "{kept}");
        stack.tiktok.clear_poison().await?;
        let again = ["dead-letters", "redrive", "--cause", "rejected", "--adds"];
        let file = stack.directory().join("stack.json").display().to_string();
        let asked = run(&[&["--stack", &file], &again[..]].concat()).await?;
        let said = String::from_utf8_lossy(&asked.stderr).into_owned();
        ensure!(!asked.status.success() && said.contains("nothing was done"), "{said}");
        let resent = order(stack, &[&again[..], &["--yes"]].concat()).await?;
        ensure!(resent["adds"] == 10 && resent["failed"] == 0, "{resent}");
        model.apply(&Profile::all(refused, &audience, Action::Add));
        stack.arrives(&model).await
    })
    .await
}

pub(crate) async fn a_customer_that_is_forgotten_leaves_no_token_letter_or_waiting_change() -> Result<()> {
    story(Options::new(), async |stack| {
        let (customer, audience) = stack.connected("Forgotten").await?;
        let (other, _) = stack.connected("Stays").await?;
        let advertiser = customer.account.advertiser_id.as_str();
        let people = People::new("forgotten").plain(30);
        stack.tiktok.revoke(&customer.account.token).await?;
        let joining = message::membership(&customer.account, &Profile::all(&people, &audience, Action::Add));
        stack.mparticle.deliver(Transport::Http, &joining).await?;
        until("the tool tells the trouble", async || {
            let status = ask(stack, &["status"]).await?;
            let row = row(&status, advertiser)?;
            Ok(row["in_trouble"] == true && status["connections"][0]["advertiser"] == advertiser)
        })
        .await?;
        let gone = order(stack, &["forget", advertiser, "--yes"]).await?;
        ensure!(gone["connections"] == 1 && gone["last_sent_ms"].is_i64(), "{gone}");
        let record = stack.cloud.secret(&stack.at.record_of(advertiser)).await?;
        ensure!(!record.to_string().contains(&customer.account.token), "the token is kept");
        stack.queue.drained().await?;
        let calls = stack.tiktok.journal_of(advertiser).await?;
        ensure!(calls.iter().all(|call| call.path != MAPPING || call.code != Some(0)), "something was uploaded");
        until("what was dropped is counted", async || {
            Ok(stack.logs().await?.total("uploader", "changes_of_forgotten_customers") > 0)
        })
        .await?;
        let status = ask(stack, &["status"]).await?;
        ensure!(row(&status, advertiser)?["state"] == "forgotten", "{status}");
        ensure!(row(&status, &other.account.advertiser_id)?["state"] == "active", "{status}");
        end_token(stack, &other).await
    })
    .await
}

/// Has TikTok end the token of a connection, and removes the connection.
async fn end_token(stack: &Stack, customer: &Customer) -> Result<()> {
    let Account { advertiser_id: advertiser, account_id, token } = &customer.account;
    let account = account_id.to_string();
    let file = stack.directory().join("stack.json").display().to_string();
    let asked = run(&["--stack", &file, "token", "revoke", advertiser, &account]).await?;
    let said = String::from_utf8_lossy(&asked.stderr).into_owned();
    ensure!(!asked.status.success() && said.contains("nothing was done"), "{said}");
    order(stack, &["token", "revoke", advertiser, &account, "--yes"]).await?;
    let checked = run(&["--stack", &file, "token", "check", advertiser, "--json"]).await?;
    let told: Value = serde_json::from_slice(&checked.stdout)?;
    ensure!(!checked.status.success() && told[0]["tiktok"] == "refused", "{told}");
    order(stack, &["token", "forget", advertiser, &account, "--yes"]).await?;
    let record = stack.cloud.secret(&stack.at.record_of(advertiser)).await?;
    ensure!(!record.to_string().contains(token), "the token is kept");
    Ok(())
}

pub(crate) async fn the_firehose_token_is_changed_with_the_operators_tool() -> Result<()> {
    story(Options::new(), async |stack| {
        let customer = stack.customer("Verifies").await?;
        let body = serde_json::to_vec(&message::verification(&customer.account))?;
        let old = format!("Token {}", stack.at.firehose_token);
        let rotated = order(stack, &["firehose-token", "rotate"]).await?;
        let new = rotated["token"].as_str().context("a token")?.to_owned();
        stack.confidential.add(&new);
        stack.mparticle.post(body.clone(), Some(&old)).await?.response()?;
        // A function reads the tokens again at most every ten seconds.
        let new = format!("Token {new}");
        let is_taken = async || Ok(stack.mparticle.post(body.clone(), Some(&new)).await?.response().is_ok());
        until("the new token is accepted", is_taken).await?;
        let file = stack.directory().join("stack.json").display().to_string();
        let again = run(&["--stack", &file, "firehose-token", "rotate"]).await?;
        ensure!(again.status.code() == Some(1), "a second rotation would lock mParticle out");
        let uses = ask(stack, &["firehose-token", "status"]).await?;
        // The requests before the rotation had the token of then, which is the previous one now.
        let is_known = ["current_last_used_ms", "previous_last_used_ms"].iter().any(|field| !uses[field].is_null());
        ensure!(uses["two_are_accepted"] == true && !is_known, "{uses}");
        let shown = run(&["--stack", &file, "firehose-token", "status"]).await?;
        let shown = String::from_utf8(shown.stdout)?;
        ensure!(shown.contains("not known yet"), "{shown}");
        let uses = order(stack, &["firehose-token", "retire", "--yes"]).await?;
        ensure!(uses["two_are_accepted"] == false, "{uses}");
        Ok(())
    })
    .await
}

pub(crate) async fn what_an_operator_got_wrong_is_told_in_one_line() -> Result<()> {
    let wrong = [
        (vec!["status"], 1, "which stack?"),
        (vec!["--stack", "/nowhere/stack.json", "status"], 1, "`make up` starts the local stack"),
        (vec!["status", "--stack", "x", "--stack-name", "y"], 2, "cannot be used with"),
        (vec!["token", "check", "not-a-number", "--stack", "x"], 2, "must be a number"),
    ];
    for (arguments, code, says) in wrong {
        let output = run(&arguments).await?;
        let said = String::from_utf8(output.stderr)?;
        ensure!(output.status.code() == Some(code) && said.contains(says), "{arguments:?}: {said}");
        ensure!(code == 2 || said.trim().lines().count() == 1, "{arguments:?}: {said}");
        ensure!(output.stdout.is_empty());
    }
    story(Options::shared(), async |stack| {
        let file = stack.directory().join("stack.json").display().to_string();
        for (command, says) in [
            (vec!["dead-letters", "show", "none-such"], "no dead letter"),
            (vec!["dead-letters", "delete"], "say which letters"),
            (vec!["audiences", "1"], "no record"),
            (vec!["forget", "1"], "--yes"),
        ] {
            let output = run(&[&["--stack", &file], command.as_slice()].concat()).await?;
            let said = String::from_utf8(output.stderr)?;
            ensure!(
                output.status.code() == Some(1) && said.contains(says) && said.trim().lines().count() == 1,
                "{said}"
            );
        }
        Ok(())
    })
    .await
}
