//! Authorization: a code becomes a token, a token tells whose it is and what it reaches.

use std::fmt;

use ids::AdvertiserId;
use reqwest::Method;
use secrecy::{ExposeSecret, SecretString};
use serde::de::{Error as _, IgnoredAny};
use serde::{Deserialize, Deserializer, Serialize};

use crate::answer::read;
use crate::lenient::{self, List};
use crate::{Answer, AppCredentials, Client, Failure};

/// What a consent granted.
#[derive(Debug, Deserialize)]
pub struct Grant {
    /// Does not expire; ends when revoked, or when the person loses access.
    pub access_token: SecretString,
    /// The advertisers that it covers. What is not an id is left out: the code is spent, and the token must not be lost over it.
    #[serde(default, deserialize_with = "lenient::parsed_rows")]
    pub advertiser_ids: Vec<AdvertiserId>,
    /// The permissions that were ticked, as TikTok's numbers.
    #[serde(default, deserialize_with = "lenient::parsed_rows")]
    pub scope: Vec<u64>,
}

/// An advertiser that a token reaches.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct AdvertiserName {
    /// Its id.
    #[serde(deserialize_with = "lenient::parsed")]
    pub advertiser_id: AdvertiserId,
    /// Its name, in any script, as somebody typed it; empty where TikTok has none.
    #[serde(default, deserialize_with = "lenient::text")]
    pub advertiser_name: String,
}

/// The TikTok user who granted a token.
#[derive(Clone, PartialEq, Eq, Deserialize)]
pub struct User {
    /// The same for all tokens of the same person. Never empty.
    #[serde(deserialize_with = "user_id")]
    pub core_user_id: String,
    /// As the person typed it; empty where TikTok has none.
    #[serde(default, deserialize_with = "lenient::text")]
    pub display_name: String,
    /// May be masked by TikTok; empty where it has none.
    #[serde(default, deserialize_with = "lenient::text")]
    pub email: String,
}

/// An empty one is none: all who have it would be taken for one person.
fn user_id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let id = lenient::text(deserializer)?;
    if id.trim().is_empty() { Err(D::Error::custom("no user id")) } else { Ok(id) }
}

/// Without name and address: they are a person's.
impl fmt::Debug for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("User").field("core_user_id", &self.core_user_id).finish_non_exhaustive()
    }
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
        let request = self.request(Method::POST, "/oauth2/access_token/")?.json(&body);
        read(request.send().await, &[&app.secret, auth_code]).await
    }

    /// Ends a token, for every advertiser that it was granted for.
    ///
    /// # Errors
    /// [`Failure`]; with [`Meaning::Reauthorize`](crate::Meaning) for one that has ended already.
    pub async fn revoke(&self, app: &AppCredentials, token: &SecretString) -> Result<Answer<()>, Failure> {
        #[derive(Serialize)]
        struct Revocation<'a> {
            app_id: &'a str,
            secret: &'a str,
            access_token: &'a str,
        }
        let (secret, access_token) = (app.secret.expose_secret(), token.expose_secret());
        let request = self.request(Method::POST, "/oauth2/revoke_token/")?;
        let request = request.json(&Revocation { app_id: &app.app_id, secret, access_token });
        let answer: Answer<IgnoredAny> = read(request.send().await, &[&app.secret, token]).await?;
        Ok(Answer { data: (), trace: answer.trace })
    }

    /// The advertisers that a token reaches, by name; one that cannot be read is left out. The app's secret is in the URL, as TikTok wants it.
    ///
    /// # Errors
    /// [`Failure`] says what TikTok's answer means.
    pub async fn authorized_advertisers(
        &self,
        app: &AppCredentials,
        token: &SecretString,
    ) -> Result<Answer<Vec<AdvertiserName>>, Failure> {
        let query = [("app_id", app.app_id.as_str()), ("secret", app.secret.expose_secret())];
        let request = self
            .request(Method::GET, "/oauth2/advertiser/get/")?
            .header("Access-Token", token.expose_secret())
            .query(&query);
        let answer: Answer<List<AdvertiserName>> = read(request.send().await, &[&app.secret, token]).await?;
        Ok(Answer { data: answer.data.list.readable, trace: answer.trace })
    }

    /// Whose token it is. The cheap way to see whether a token lives.
    ///
    /// # Errors
    /// [`Failure`] says what TikTok's answer means.
    pub async fn user(&self, token: &SecretString) -> Result<Answer<User>, Failure> {
        self.get("/user/info/", token, &[]).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_odd_account_costs_no_other_its_name() {
        let names = r#"{"list":[{"advertiser_id":{}},{"advertiser_id":7,"advertiser_name":null},null,
            {"advertiser_id":"8","advertiser_name":"Acht"}]}"#;
        let names: List<AdvertiserName> = serde_json::from_str(names).unwrap();
        let names: Vec<_> =
            names.list.readable.iter().map(|one| (one.advertiser_id.to_string(), &*one.advertiser_name)).collect();
        assert_eq!(names, [("7".to_owned(), ""), ("8".to_owned(), "Acht")]);
    }

    #[test]
    fn a_user_is_known_by_the_id_alone() {
        let user: User = serde_json::from_str(r#"{"core_user_id":7123,"display_name":null,"email":[]}"#).unwrap();
        assert_eq!((user.core_user_id.as_str(), user.display_name.as_str(), user.email.as_str()), ("7123", "", ""));
        let user = r#"{"core_user_id":"7123","display_name":"Ada","email":"a@b.c"}"#;
        let user: User = serde_json::from_str(user).unwrap();
        assert_eq!((user.display_name.as_str(), user.email.as_str()), ("Ada", "a@b.c"));
        assert!(!format!("{user:?}").contains("Ada"));
        for nobody in ["{}", r#"{"core_user_id":null}"#, r#"{"core_user_id":""}"#, r#"{"core_user_id":" "}"#, "null"] {
            assert!(serde_json::from_str::<User>(nobody).is_err(), "{nobody}");
        }
    }

    #[test]
    fn a_grant_keeps_its_token_whatever_the_lists_hold() {
        let grant = r#"{"access_token":"t","advertiser_ids":[7,"8",null,"x"],"scope":["3",1234567890123456789,{}]}"#;
        let grant: Grant = serde_json::from_str(grant).unwrap();
        assert_eq!(grant.advertiser_ids.len(), 2);
        assert_eq!(grant.scope, [3, 1_234_567_890_123_456_789]);
    }
}
