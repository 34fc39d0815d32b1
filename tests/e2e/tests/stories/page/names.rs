//! Accounts with names that break pages, and more accounts than fit on one.

use anyhow::{Result, ensure};
use e2e::{Account, Options};
use serde_json::json;

use super::looks::look;
use super::visit::{says, visit};

/// Name and id of each account that can be seen, as text.
const ROWS: &str = "[...document.querySelectorAll('#accounts > li')].filter(row => row.checkVisibility())
    .map(row => [row.querySelector('code').textContent, row.querySelector('.name').textContent])";

pub(crate) async fn hostile_names_are_shown_as_they_are_and_do_nothing() -> Result<()> {
    visit(Options::shared(), async |visit| {
        visit.authorize("hostile").await?;
        let mut expected = Vec::new();
        for id in visit.stack.tiktok.person("hostile").await?.advertisers {
            let name = visit.stack.tiktok.advertiser(&id).await?.name;
            expected.push(json!([id, name]));
        }
        let shown = visit.tab.eval(ROWS).await?;
        let mut shown = shown.as_array().cloned().unwrap_or_default();
        shown.sort_by_key(ToString::to_string);
        expected.sort_by_key(ToString::to_string);
        assert_eq!(shown, expected);
        let foreign = "document.querySelectorAll('main img, main script, main b').length";
        assert_eq!(visit.tab.eval(foreign).await?, 0, "a name became markup");
        // A name that turns the direction around turns nothing around it.
        let kept = "[...document.querySelectorAll('.name')].every(name => name.localName === 'bdi')";
        ensure!(visit.tab.holds(kept).await?);
        look(&visit.tab, "hostile").await
    })
    .await
}

pub(crate) async fn more_than_a_hundred_accounts_are_all_there_and_can_be_filtered() -> Result<()> {
    visit(Options::shared(), async |visit| {
        let person = visit.stack.tiktok.person("many").await?;
        let (advertiser_id, token) = (person.advertisers[136].clone(), visit.stack.new_token("many").await?);
        let account = Account { account_id: 424_242, advertiser_id, token };
        visit.stack.connect(&account, 1, "The last one").await?;
        visit.authorize("many").await?;
        let first = visit.tab.eval(&format!("{ROWS}[0]")).await?;
        assert_eq!(first, json!([account.advertiser_id, "Franchise 137"]), "the connected one comes first");
        says(&visit.tab.text("#accounts > li").await?, &["mParticle configuration 424242: works.", "The last one"])?;
        assert_eq!(visit.tab.eval(&format!("{ROWS}.length")).await?, 137);
        look(&visit.tab, "many").await?;
        visit.tab.click("#find").await?;
        visit.tab.type_text("franchise 07").await?;
        assert_eq!(visit.tab.eval(&format!("{ROWS}.length")).await?, 10);
        visit.tab.becomes("document.getElementById('said').textContent === '10 of 137 accounts.'").await?;
        look(&visit.tab, "many-filtered").await?;
        visit.tab.eval("document.getElementById('find').select()").await?;
        visit.tab.type_text(&person.advertisers[130]).await?;
        assert_eq!(visit.tab.eval(ROWS).await?, json!([[person.advertisers[130], "Franchise 131"]]));
        visit.tab.type_text(" and no such id").await?;
        ensure!(visit.tab.holds("document.getElementById('none').checkVisibility()").await?);
        Ok(())
    })
    .await
}
