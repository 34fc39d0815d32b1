//! The pages as they are, for reviewing in a diff. Each is also written to `target/pages`, for looking at in a browser.

use std::fs;
use std::path::Path;

use crate::support::{Account, CALLBACK, Page, World, account, refused, without_style_and_script};

fn keep(name: &str, page: &Page) {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("../pages");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join(format!("{name}.html")), &page.html).unwrap();
}

fn snapshot(name: &str, page: &Page) {
    keep(name, page);
    insta::assert_snapshot!(name, without_style_and_script(&page.html));
}

async fn shown(accounts: &[Account], scopes: &[u64]) -> Page {
    World::granting(accounts, scopes).await.get(CALLBACK).await
}

async fn exchanged(code: i64) -> Page {
    let world = World::new().await;
    world.exchange(refused(code, "no")).await;
    world.get(CALLBACK).await
}

#[tokio::test]
async fn without_a_token() {
    let world = World::new().await;
    snapshot("start", &world.get("").await);
    snapshot("shown", &world.get("shown=1").await);
    snapshot("not-finished", &world.get("error=access_denied").await);
    snapshot("damaged", &world.get("auth_code=a&auth_code=b").await);
    snapshot("other-browser", &world.get("auth_code=a&state=b").await);
    snapshot("used", &exchanged(40110).await);
    snapshot("unavailable", &exchanged(50000).await);
    snapshot("operator", &exchanged(40113).await);
}

#[tokio::test]
async fn with_a_token() {
    let northwind = account(7_412_345_678_901_234_561, "Northwind Shoes EU");
    snapshot("one-account", &shown(std::slice::from_ref(&northwind), &[1, 3, 4]).await);
    let disabled = Account { status: "STATUS_DISABLE", ..account(7_412_345_678_901_234_563, "Contoso Outdoor") };
    let some = [northwind.clone(), account(7_412_345_678_901_234_562, "Northwind Shoes US"), disabled];
    snapshot("three-accounts", &shown(&some, &[1, 3, 4]).await);
    let analyst = Account { probe: 40001, ..northwind.clone() };
    snapshot("analyst", &shown(&[analyst], &[3]).await);
    let in_review =
        Account { status: "STATUS_PENDING_CONFIRM", ..account(7_412_345_678_901_234_562, "Unapproved Goods") };
    let disabled = Account { status: "STATUS_DISABLE", ..account(7_412_345_678_901_234_563, "Disabled Goods") };
    snapshot("two-waiting", &shown(&[in_review, disabled], &[3]).await);
    let unlisted = Account { probe: 40118, ..northwind.clone() };
    snapshot("waiting", &shown(&[unlisted], &[3]).await);
    snapshot("no-permission", &shown(&[northwind], &[1, 4]).await);
    snapshot("no-accounts", &shown(&[], &[3]).await);
}

#[tokio::test]
async fn with_names_of_every_kind() {
    let names = [
        "<script>alert('hello')</script>",
        "\u{202e}resrever si eman siht\u{200f}",
        "متجر السعادة للأحذية (فرع القاهرة)",
        "חנות הנעליים 24",
        "株式会社ノースウィンド・シューズ",
        "Ñandú & Søn \"Schuhe\" 👟👩‍👩‍👧",
        "AVeryLongNameWithoutAnySpaceThatSomebodyTypedToSeeWhatWouldHappenToThePageWhenItIsShownOnAPhone",
        "",
    ];
    let accounts: Vec<_> = names.iter().zip(7_412_345_678_901_234_561..).map(|(name, id)| account(id, name)).collect();
    snapshot("names", &shown(&accounts, &[3]).await);
}

#[tokio::test]
async fn with_everything_at_once() {
    let mut accounts: Vec<_> =
        (0..150).map(|n| account(7_412_345_678_901_234_000 + n, &format!("Franchise {:03}", n + 1))).collect();
    for (place, (status, probe)) in
        [("STATUS_ENABLE", 40001), ("STATUS_DISABLE", 0), ("STATUS_PENDING_CONFIRM", 0), ("STATUS_ENABLE", 40118)]
            .into_iter()
            .enumerate()
    {
        (accounts[place].status, accounts[place].probe) = (status, probe);
    }
    let world = World::granting(&accounts, &[3]).await;
    for (n, user) in [(5, "ann"), (6, "bob")] {
        let dead = format!(
            r#"{{"tokens":[{{"token":"old","source":"firehose","user":"{user}","first_seen_ms":1,"verified_ms":1,"dead":{{"at_ms":2,"why":"40105"}}}}]}}"#
        );
        let name = format!("audiences/advertiser/{}", accounts[n].id);
        world.vault.lock().unwrap().insert(name, dead);
    }
    keep("everything", &world.get(CALLBACK).await);
}
