//! The consent, as far as it can be seen without a browser: what the page says, and what doing it again heals.

use anyhow::Result;
use e2e::consent::TICKED;
use e2e::mparticle::Door;
use e2e::{Account, Action, Model, Options, People, Profile, story, until};
use sandbox::RateLimits;

#[tokio::test]
async fn whatever_goes_wrong_the_page_says_what_to_do() -> Result<()> {
    story(Options::new(), async |stack| {
        stack.tiktok.set_limits(RateLimits::none(), RateLimits::none()).await?;
        let link = &stack.at.authorize_url;
        let get = async |address: &str| -> Result<(u16, String)> {
            let answer = stack.http.get(address).send().await?;
            Ok((answer.status().as_u16(), answer.text().await?))
        };
        let cancelled = get(&stack.tiktok.cancel(link).await?).await?.1;
        assert!(cancelled.contains("not finished") && cancelled.contains("Start again"), "{cancelled}");
        let start = get(&format!("{}/v1/auth", stack.at.api_url)).await?.1;
        assert!(start.contains("Continue to TikTok"), "{start}");

        let page = stack.authorise("operator", &TICKED).await?;
        assert_eq!(page.authorised()?.accounts.len(), 2);
        let again = get(&page.address).await?.1;
        assert!(again.contains("used or expired") && !again.contains(&page.authorised()?.token), "{again}");

        let cases = [
            ("business-center", &TICKED[..], "Business Center"),
            ("analyst", &TICKED[..], "Analyst is not enough"),
            ("admin", &[1, 4][..], "Audience Management"),
            ("disabled", &TICKED[..], "disabled"),
        ];
        for (person, scopes, says) in cases {
            let page = stack.authorise(person, scopes).await?;
            assert!(page.html.contains(says), "{person}, {scopes:?}: {}", page.heading());
        }
        Ok(())
    })
    .await
}

#[tokio::test]
async fn doing_the_authorisation_again_lets_waiting_changes_flow_without_pasting() -> Result<()> {
    story(Options::new(), async |stack| {
        let shown = stack.authorise("admin", &TICKED).await?.authorised()?;
        let account = Account { account_id: 1, advertiser_id: shown.accounts[0].0.clone(), token: shown.token };
        let audience = stack.connect(&account, 1, "Again").await?;
        stack.tiktok.revoke(&account.token).await?;
        let people = People::new("authorised again").plain(100);
        let mut model = Model::default();
        stack.change(&mut model, Door::Direct, &account, &Profile::all(&people, &audience, Action::Add)).await?;
        until("the token is found dead", 30, async || {
            Ok(stack.logs().await?.total("uploader", "tokens_found_dead") == 1)
        })
        .await?;

        let page = stack.authorise("admin", &TICKED).await?;
        page.authorised()?;
        stack.arrives(&model, 120).await
    })
    .await
}
