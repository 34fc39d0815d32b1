//! `audiences`: what an advertiser has at TikTok, as TikTok tells it.

use connections::Mark;
use ids::{AccountId, AdvertiserId, AudienceId};
use secrecy::SecretString;
use serde::Serialize;
use startup::clock::now_ms;
use tiktok::Audience;

use crate::cloud::Cloud;
use crate::error::Error;
use crate::output::{Report, grouped, table};
use crate::records;
use crate::time;

/// TikTok allows an advertiser so many audiences.
const MAX_AUDIENCES: usize = 400;

/// What an advertiser has.
#[derive(Debug, Serialize)]
struct Audiences {
    advertiser: AdvertiserId,
    /// How many there are of all kinds.
    total: usize,
    most: usize,
    minimum_users: u64,
    list: Vec<Shown>,
}

#[derive(Debug, Serialize)]
struct Shown {
    audience: AudienceId,
    name: String,
    /// Whose it is: mParticle's configuration. None for an audience that this integration did not make.
    account: Option<AccountId>,
    mparticle_audience: Option<i64>,
    users: Option<u64>,
    /// Whether it has as many users as it needs to show. None where TikTok does not say how many it has.
    large_enough: Option<bool>,
    valid: bool,
    expiring: bool,
    expires: Option<String>,
    expired: bool,
}

/// `audiences`.
pub(crate) async fn audiences(cloud: &Cloud, advertiser: AdvertiserId) -> Result<Report, Error> {
    let record = records::of(cloud, advertiser).await?;
    let usable =
        record.connections().map(|(_, connection)| connection).max_by_key(|connection| connection.state.is_active());
    let usable = usable.ok_or_else(|| {
        Error::NotFound(format!("the advertiser {advertiser} has no connection, and so no token to ask with"))
    })?;
    let found = list(cloud, advertiser, &usable.token).await?;
    let minimum_users = cloud.stack.minimum_audience_users;
    let mut shown: Vec<_> = found.iter().map(|audience| shown(audience, minimum_users, now_ms())).collect();
    shown.sort_by_key(|audience| (audience.account.is_none(), audience.account, audience.audience));
    let all = Audiences { advertiser, total: found.len(), most: MAX_AUDIENCES, minimum_users, list: shown };
    Ok(Report::new(text(&all), &all))
}

/// All audiences of an advertiser, page by page.
pub(crate) async fn list(
    cloud: &Cloud,
    advertiser: AdvertiserId,
    token: &SecretString,
) -> Result<Vec<Audience>, Error> {
    let (mut all, mut page) = (Vec::new(), 1);
    loop {
        let found = cloud.tiktok.audiences(token, advertiser, page).await?.data;
        all.extend(found.audiences);
        if page >= found.total_pages {
            return Ok(all);
        }
        page += 1;
    }
}

fn shown(audience: &Audience, minimum_users: u64, now_ms: i64) -> Shown {
    let mark = Mark::of(&audience.name);
    let expires = audience.expired_time.clone();
    let expires_ms =
        expires.as_deref().and_then(|text| time::parse(&format!("{}Z", text.trim().replacen(' ', "T", 1))));
    Shown {
        audience: audience.audience_id,
        name: audience.name.clone(),
        account: mark.map(|mark| mark.account),
        mparticle_audience: mark.map(|mark| mark.audience),
        users: audience.cover_num,
        large_enough: audience.cover_num.map(|users| users >= minimum_users),
        valid: audience.is_valid,
        expiring: audience.is_expiring,
        expired: expires_ms.is_some_and(|expires_ms| expires_ms <= now_ms),
        expires,
    }
}

fn text(all: &Audiences) -> String {
    let head = format!(
        "{} of at most {} audiences; one shows from {} users on.\n",
        all.total,
        all.most,
        grouped(all.minimum_users)
    );
    if all.list.is_empty() {
        return head;
    }
    let cells = |one: &Shown| {
        let users = one.users.map_or_else(|| "not told".to_owned(), grouped);
        let size = if one.large_enough == Some(false) { format!("{users}, too few") } else { users };
        let state = if one.expired {
            "expired"
        } else if one.expiring {
            "expiring"
        } else if one.valid {
            "valid"
        } else {
            "not valid yet"
        };
        let whose = one.account.map_or_else(|| "not ours".to_owned(), |account| account.to_string());
        vec![
            one.audience.to_string(),
            size,
            state.to_owned(),
            one.expires.clone().unwrap_or_default(),
            whose,
            one.name.clone(),
        ]
    };
    let rows: Vec<_> = all.list.iter().map(cells).collect();
    format!("{head}\n{}", table(&["audience", "users", "state", "until", "account", "name"], &rows))
}

#[cfg(test)]
mod tests;
