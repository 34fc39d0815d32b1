//! The pages as they are, for reviewing in a diff.

use sandbox::Fault;
use sandbox::control::{AdvertiserChange, AudienceChange, NewAudience, NewGrant, PersonChange};
use sandbox::world::{Person, Role};

use crate::world::{EXCHANGE, Page, World};

fn snapshot(name: &str, page: &Page) {
    insta::assert_snapshot!(name, page.plain());
}

/// The page with the ids and the token, which differ at each run, by fixed ones.
fn snapshot_of(name: &str, page: &Page, person: &Person) {
    let mut plain = page.plain().replace(&page.token(), "<the token>");
    for (id, number) in person.advertisers.iter().zip(1..) {
        plain = plain.replace(id.as_str(), &format!("<id {number}>"));
    }
    insta::assert_snapshot!(name, plain);
}

#[tokio::test]
async fn without_a_token() {
    let world = World::new().await;
    snapshot("start", &world.get("").await);
    snapshot("shown", &world.get("shown=1").await);
    snapshot("not-finished", &world.get("error=access_denied").await);
    snapshot("damaged", &world.get("state=<b>").await);
    snapshot("other-browser", &world.get("auth_code=a&state=b").await);
    snapshot("used", &world.get("auth_code=a&state=your_custom_params").await);
    for (name, code) in [("unavailable", 50_000), ("operator", 40_113)] {
        world.tiktok.fault(Fault::code(code, "no").on(EXCHANGE).next(1)).await.unwrap();
        snapshot(name, &world.get("auth_code=a&state=your_custom_params").await);
    }
}

#[tokio::test]
async fn with_a_token() {
    let world = World::new().await;
    let one = world.person(&["Northwind Shoes EU"]).await;
    snapshot_of("one-account", &world.authorize(&one).await, &one);
    snapshot_of("no-permission", &world.authorize_with(&NewGrant::of(&one.key).scopes(&[1, 4])).await, &one);
    let analyst = world.login("Ana Analyst", Role::Analyst, &one.advertisers).await;
    snapshot_of("analyst", &world.authorize(&analyst).await, &analyst);
    let nobody = world.login("Bea Center", Role::BusinessCenterOnly, &[]).await;
    snapshot_of("no-accounts", &world.authorize(&nobody).await, &nobody);

    let three = world.person(&["Northwind Shoes EU", "Northwind Shoes US", "Contoso Outdoor"]).await;
    let change = AdvertiserChange { status: Some("STATUS_DISABLE".to_owned()), ..AdvertiserChange::default() };
    world.tiktok.change_advertiser(&three.advertisers[2], &change).await.unwrap();
    snapshot_of("three-accounts", &world.authorize(&three).await, &three);
}

#[tokio::test]
async fn with_names_of_every_kind() {
    let names = [
        "<script>alert('hello')</script>",
        "\u{202e}resrever si eman siht\u{200f}",
        "متجر السعادة للأحذية (فرع القاهرة)",
        "株式会社ノースウィンド・シューズ",
        "Ñandú & Søn \"Schuhe\" 👟👩‍👩‍👧",
        "",
    ];
    let world = World::new().await;
    let person = world.person(&names).await;
    let change = PersonChange {
        display_name: Some("<b>Hal</b> \u{202e}elitsoH".to_owned()),
        email: Some("<i>@\"evil\".example".to_owned()),
        ..PersonChange::default()
    };
    world.tiktok.change_person(&person.key, &change).await.unwrap();
    snapshot_of("names", &world.authorize(&person).await, &person);
}

#[tokio::test]
async fn with_connections() {
    let world = World::new().await;
    let person = world.person(&["Healed", "Stopped", "Unread"]).await;
    let [healed, stopped, unread] = [0, 1, 2].map(|place| &person.advertisers[place]);
    world.aws.set(&format!("audiences/advertiser/{unread}"), "{}");
    let token = world.tiktok.token(&person.key).await.unwrap().access_token;
    world.connect(healed, 123, &token, &person.core_user_id);
    world.stop(healed, 123, true);
    world.tiktok.revoke(&token).await.unwrap();
    world.connect(stopped, 456, "theirs", "somebody else");
    world.stop(stopped, 456, true);
    let new =
        NewAudience { advertiser_id: healed.clone(), name: "Shoppers [mp-123-7]".to_owned(), audience_type: None };
    let audience = world.tiktok.create_audience(&new).await.unwrap();
    let change = AudienceChange { cover_num: Some(61_234), ..AudienceChange::default() };
    world.tiktok.change_audience(&audience, &change).await.unwrap();
    snapshot_of("connections", &world.authorize(&person).await, &person);
}
