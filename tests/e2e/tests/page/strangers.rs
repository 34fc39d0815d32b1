//! What strangers and browsers of their own accord send: nobody is kept out, no code is lost, and every address has a page.

use std::time::Duration;

use anyhow::{Result, ensure};
use e2e::{Options, Stack, story};
use reqwest::StatusCode;
use reqwest::header::{HeaderMap, HeaderValue, RETRY_AFTER};
use sandbox::control::NewGrant;

use crate::visit::{says, visit};

/// Wrong codes a second, for so many seconds.
const FLOOD: (u32, u32) = (20, 15);

/// Sends wrong codes; how often each status came back.
async fn flood(stack: &Stack) -> Result<Vec<StatusCode>> {
    let (rate, seconds) = FLOOD;
    let mut statuses = Vec::new();
    for number in 0..rate * seconds {
        let address = format!("{}/v1/auth?auth_code={number:040x}&state=your_custom_params", stack.at.api_url);
        let answer = stack.http.get(address).send().await?;
        if answer.status() == StatusCode::TOO_MANY_REQUESTS {
            ensure!(answer.headers().contains_key(RETRY_AFTER), "when to come back");
        }
        statuses.push(answer.status());
        tokio::time::sleep(Duration::from_secs(1) / rate).await;
    }
    Ok(statuses)
}

pub(crate) async fn a_flood_of_wrong_codes_keeps_nobody_out() -> Result<()> {
    visit(Options::new(), async |visit| {
        let person = async {
            tokio::time::sleep(Duration::from_secs(3)).await;
            visit.authorize("admin").await?;
            ensure!(visit.tab.heading().await? == "Your access token is ready", "{}", visit.tab.heading().await?);
            visit.token().await
        };
        let (statuses, token) = tokio::join!(flood(visit.stack), person);
        token?;
        let statuses = statuses?;
        let known = [StatusCode::GONE, StatusCode::TOO_MANY_REQUESTS];
        ensure!(statuses.iter().all(|status| known.contains(status)), "{statuses:?}");
        let calls = visit.stack.tiktok.journal().await?;
        let exchanges = calls.iter().filter(|call| call.path == "/oauth2/access_token/").count();
        ensure!(exchanges * 2 < statuses.len(), "{exchanges} exchanges for {} wrong codes", statuses.len());
        let logs = visit.stack.logs().await?;
        let alarming = logs.of("auth-redirect").find(|line| line["level"] == "ERROR");
        ensure!(alarming.is_none(), "{alarming:?}");
        Ok(())
    })
    .await
}

pub(crate) async fn prefetches_spend_no_code() -> Result<()> {
    story(Options::shared(), async |stack| {
        let code = stack.tiktok.auth_code(&NewGrant::of("admin")).await?;
        stack.confidential.add(&code);
        let address = format!("{}/v1/auth?auth_code={code}&state=your_custom_params", stack.at.api_url);
        let announcements = [
            ("sec-purpose", "prefetch"),
            ("sec-purpose", "prefetch;prerender"),
            ("purpose", "prefetch"),
            ("x-moz", "prefetch"),
        ];
        for (name, value) in announcements {
            let headers = HeaderMap::from_iter([(name.parse()?, HeaderValue::from_static(value))]);
            let answer = stack.http.get(&address).headers(headers).send().await?;
            ensure!(answer.status() == StatusCode::NO_CONTENT, "{name}: {value}: {}", answer.status());
        }
        let mut answer = stack.http.get(&address).send().await?;
        while answer.status() == StatusCode::TOO_MANY_REQUESTS {
            tokio::time::sleep(Duration::from_secs(2)).await;
            answer = stack.http.get(&address).send().await?;
        }
        ensure!(answer.status() == StatusCode::OK, "the code was spent: {}", answer.status());
        Ok(())
    })
    .await
}

pub(crate) async fn every_address_has_a_page() -> Result<()> {
    visit(Options::shared(), async |visit| {
        let table = [
            ("/", "Send mParticle audiences to TikTok"),
            ("/v1/auth/", "Send mParticle audiences to TikTok"),
            ("/v1/firehose", "There is no page here"),
            ("/anything/else?x=1", "There is no page here"),
        ];
        for (path, heading) in table {
            visit.tab.open(&format!("{}{path}", visit.stack.at.api_url)).await?;
            ensure!(visit.tab.heading().await? == heading, "{path}: {}", visit.tab.heading().await?);
        }
        crate::looks::look(&visit.tab, "no-such-page").await?;
        visit.tab.arrive(visit.tab.click("main a.button")).await?;
        says(&visit.tab.heading().await?, &["Authorize the app"])
    })
    .await
}
