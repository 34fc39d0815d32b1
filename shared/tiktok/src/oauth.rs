//! Authorisation: a code becomes a token, a token tells whose it is and what it reaches.

use std::str::FromStr;

use ids::AdvertiserId;
use reqwest::Method;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use crate::answer::read;
use crate::{Answer, Client, Failure};

/// `advertiser/info/` takes this many ids a call.
const INFO_IDS_PER_CALL: usize = 100;

/// Who this integration is at TikTok.
#[derive(Debug, Clone)]
pub struct AppCredentials {
    /// The app's id; public, it stands in the consent link.
    pub app_id: String,
    /// The app's secret.
    pub secret: SecretString,
}

/// What a consent granted.
#[derive(Debug, Deserialize)]
pub struct Grant {
    /// Does not expire; ends when revoked, or when the person loses access.
    pub access_token: SecretString,
    /// The advertisers that it covers. What is not an id is left out: the code is spent, and the token must not be lost over it.
    #[serde(default, deserialize_with = "readable")]
    pub advertiser_ids: Vec<AdvertiserId>,
    /// The permissions that were ticked, as TikTok's numbers.
    #[serde(default, deserialize_with = "readable")]
    pub scope: Vec<u64>,
}

/// An advertiser that a token reaches.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct AdvertiserName {
    /// Its id.
    pub advertiser_id: AdvertiserId,
    /// Its name, in any script, as somebody typed it.
    #[serde(default)]
    pub advertiser_name: String,
}

/// An advertiser in detail.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Advertiser {
    /// Its id.
    pub advertiser_id: AdvertiserId,
    /// Its name.
    #[serde(default)]
    pub name: String,
    /// The kind of account, such as `ROLE_ADVERTISER`; not what the person may do.
    #[serde(default)]
    pub role: String,
    /// Such as `STATUS_ENABLE`.
    #[serde(default)]
    pub status: String,
}

/// The TikTok user who granted a token.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct User {
    /// The same for all tokens of the same person.
    #[serde(deserialize_with = "text_or_number")]
    pub core_user_id: String,
}

#[derive(Deserialize)]
struct List<T> {
    list: Vec<T>,
}

impl Client {
    /// Exchanges an `auth_code`, which lives an hour and works once, for a token.
    ///
    /// # Errors
    /// [`Failure`]: [`Meaning::RestartConsent`](crate::Meaning) for a code that is spent, [`Meaning::Operator`](crate::Meaning) for the app's own trouble.
    pub async fn exchange(&self, app: &AppCredentials, auth_code: &SecretString) -> Result<Answer<Grant>, Failure> {
        #[derive(Serialize)]
        struct Exchange<'a> {
            app_id: &'a str,
            secret: &'a str,
            auth_code: &'a str,
        }
        let body =
            Exchange { app_id: &app.app_id, secret: app.secret.expose_secret(), auth_code: auth_code.expose_secret() };
        let request = self.request(Method::POST, "/oauth2/access_token/").json(&body);
        read(request.send().await, &[&app.secret, auth_code]).await
    }

    /// The advertisers that a token reaches, by name. The app's secret is in the URL, as TikTok wants it.
    ///
    /// # Errors
    /// [`Failure`] says what TikTok's answer means.
    pub async fn authorised_advertisers(
        &self,
        app: &AppCredentials,
        token: &SecretString,
    ) -> Result<Answer<Vec<AdvertiserName>>, Failure> {
        let query = [("app_id", app.app_id.as_str()), ("secret", app.secret.expose_secret())];
        let request = self
            .request(Method::GET, "/oauth2/advertiser/get/")
            .header("Access-Token", token.expose_secret())
            .query(&query);
        let answer: Answer<List<AdvertiserName>> = read(request.send().await, &[&app.secret, token]).await?;
        Ok(Answer { data: answer.data.list, trace: answer.trace })
    }

    /// The details of advertisers, 100 a call.
    ///
    /// # Errors
    /// The first [`Failure`] of a call.
    pub async fn advertisers(
        &self,
        token: &SecretString,
        advertisers: &[AdvertiserId],
    ) -> Result<Vec<Advertiser>, Failure> {
        let mut all = Vec::with_capacity(advertisers.len());
        for ids in advertisers.chunks(INFO_IDS_PER_CALL) {
            let ids: Vec<_> = ids.iter().map(|id| format!("\"{id}\"")).collect();
            let ids = format!("[{}]", ids.join(","));
            let query = [("advertiser_ids", ids.as_str()), ("fields", r#"["advertiser_id","name","role","status"]"#)];
            let answer: Answer<List<Advertiser>> = self.get("/advertiser/info/", token, &query).await?;
            all.extend(answer.data.list);
        }
        Ok(all)
    }

    /// Whose token it is. The cheap way to see whether a token lives.
    ///
    /// # Errors
    /// [`Failure`] says what TikTok's answer means.
    pub async fn user(&self, token: &SecretString) -> Result<Answer<User>, Failure> {
        self.get("/user/info/", token, &[]).await
    }
}

/// A list of what can be read as `T`, from numbers or strings: sources disagree on which of the two TikTok sends.
fn readable<'de, D: Deserializer<'de>, T: FromStr>(deserializer: D) -> Result<Vec<T>, D::Error> {
    let values = Option::<Vec<Value>>::deserialize(deserializer)?.unwrap_or_default();
    Ok(values.iter().filter_map(|value| text(value).parse().ok()).collect())
}

fn text_or_number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    Value::deserialize(deserializer).map(|value| text(&value))
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
