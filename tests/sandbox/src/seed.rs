//! The people and accounts that exist before any story made its own. Their ids differ in each run: ask for them by key.

use crate::rules::Rules;
use crate::world::{Advertiser, App, Person, Role, World, id};

/// Names that have broken pages before.
const HOSTILE: [&str; 8] = [
    "<script>alert('tiktok')</script>",
    "\"><img src=x onerror=alert(1)>",
    "\u{202e}gnihtolC desreveR\u{202c}",
    "متجر الأزياء",
    "東京ファッション株式会社",
    "Müller & Söhne 'GmbH' {{7*7}} ${7*7}",
    "👩‍👩‍👧‍👦🏳️‍🌈 Zalgo z̷̢̛a̴l̶g̸o̵",
    "A name that goes on and on and on and on, without end, across the whole width of every screen and then some more of it",
];

/// The world as it is when the sandbox starts.
pub(crate) fn world(rules: &Rules) -> World {
    let mut world = World::default();
    world.apps.insert(rules.app_id.clone(), App { secret: rules.app_secret.clone(), blocked: false });
    let (first, second) = (id(), id());
    let admin = [
        account(&mut world, "Northwind Shoes EU", &first, "STATUS_ENABLE"),
        account(&mut world, "Northwind Shoes US", &first, "STATUS_ENABLE"),
        account(&mut world, "Contoso Outdoor", &second, "STATUS_ENABLE"),
    ];
    person(&mut world, "admin", "Ada Admin", Role::Admin, admin.to_vec());
    let shared = vec![admin[0].clone(), admin[1].clone()];
    person(&mut world, "operator", "Otto Operator", Role::Operator, shared);
    person(&mut world, "analyst", "Ana Analyst", Role::Analyst, vec![admin[0].clone()]);
    person(&mut world, "business-center", "Bea Center", Role::BusinessCenterOnly, Vec::new());

    let hostile = HOSTILE.map(|name| account(&mut world, name, &second, "STATUS_ENABLE"));
    person(&mut world, "hostile", "<b>Hal</b> \u{202e}elitsoH", Role::Admin, hostile.to_vec());
    let disabled = vec![
        account(&mut world, "Disabled Goods", &second, "STATUS_DISABLE"),
        account(&mut world, "Unapproved Goods", &second, "STATUS_PENDING_CONFIRM"),
    ];
    person(&mut world, "disabled", "Dan Disabled", Role::Admin, disabled);
    let many = (1..=137).map(|n| account(&mut world, &format!("Franchise {n:03}"), &first, "STATUS_ENABLE")).collect();
    person(&mut world, "many", "Mona Many-Accounts", Role::Admin, many);
    world
}

fn account(world: &mut World, name: &str, business_center: &str, status: &str) -> String {
    let advertiser_id = id();
    let advertiser = Advertiser {
        advertiser_id: advertiser_id.clone(),
        name: name.to_owned(),
        business_center: business_center.to_owned(),
        status: status.to_owned(),
        kind: "ROLE_ADVERTISER".to_owned(),
        allow_listed: true,
        shown_as: None,
    };
    world.advertisers.insert(advertiser_id.clone(), advertiser);
    advertiser_id
}

fn person(world: &mut World, key: &str, name: &str, role: Role, advertisers: Vec<String>) {
    world.people.push(Person {
        key: key.to_owned(),
        core_user_id: id(),
        display_name: name.to_owned(),
        email: format!("{key}@example.com"),
        avatar_url: String::new(),
        role,
        advertisers,
        authorizing_again_ends_older_tokens: None,
        shown_as: None,
    });
}
