//! Calls that set a story up: people, advertisers, apps, tokens, codes, consent.

use reqwest::{Method, StatusCode, Url, header};

use super::messages::{
    AccessToken, AdvertiserChange, AuthCode, Customer, NewAdvertiser, NewApp, NewGrant, NewPerson, PersonChange, Token,
};
use super::{Control, ControlError, Result};
use crate::world::{Advertiser, Person};

/// Each call fails with [`ControlError`] when the sandbox cannot be reached or says no.
#[expect(clippy::missing_errors_doc, reason = "said once, above")]
impl Control {
    /// Whether the sandbox answers.
    pub async fn health(&self) -> Result<()> {
        self.done(self.get("health")).await
    }

    /// A person by key (`admin`, `operator`, `analyst`, `business-center`, `hostile`, `disabled`, `many`, or one made) or id.
    pub async fn person(&self, key: &str) -> Result<Person> {
        self.value(self.get(&format!("people/{key}"))).await
    }

    /// Makes a person.
    pub async fn create_person(&self, person: &NewPerson) -> Result<Person> {
        self.value(self.post("people", person)).await
    }

    /// Changes what TikTok knows of a person; tokens that the person granted follow at once.
    pub async fn change_person(&self, key: &str, change: &PersonChange) -> Result<Person> {
        self.value(self.send(Method::PATCH, &format!("people/{key}"), change)).await
    }

    /// Makes an app, or sets its secret and whether it is blocked.
    pub async fn set_app(&self, app: &NewApp) -> Result<()> {
        self.done(self.post("apps", app)).await
    }

    /// An advertiser.
    pub async fn advertiser(&self, advertiser_id: &str) -> Result<Advertiser> {
        self.value(self.get(&format!("advertisers/{advertiser_id}"))).await
    }

    /// Makes an advertiser.
    pub async fn create_advertiser(&self, advertiser: &NewAdvertiser) -> Result<Advertiser> {
        self.value(self.post("advertisers", advertiser)).await
    }

    /// Changes what TikTok knows of an advertiser.
    pub async fn change_advertiser(&self, advertiser_id: &str, change: &AdvertiserChange) -> Result<Advertiser> {
        self.value(self.send(Method::PATCH, &format!("advertisers/{advertiser_id}"), change)).await
    }

    /// Makes an advertiser disappear: calls for it are answered with 40300.
    pub async fn remove_advertiser(&self, advertiser_id: &str) -> Result<()> {
        self.done(self.delete(&format!("advertisers/{advertiser_id}"))).await
    }

    /// A new customer: an advertiser in a new Business Center, its admin, and a token with every permission.
    pub async fn customer(&self, name: &str) -> Result<Customer> {
        let new = NewAdvertiser { name: Some(name.to_owned()), ..NewAdvertiser::default() };
        let advertiser = self.create_advertiser(&new).await?;
        let advertisers = vec![advertiser.advertiser_id.clone()];
        let person = self.create_person(&NewPerson { advertisers, ..NewPerson::default() }).await?;
        let token = self.token(&person.core_user_id).await?;
        Ok(Customer { advertiser, person, token })
    }

    /// A token of this person for all their accounts, with the permissions that the consent page ticks at first.
    pub async fn token(&self, person: &str) -> Result<Token> {
        self.token_with(&NewGrant::of(person)).await
    }

    /// A token, granted as told.
    pub async fn token_with(&self, grant: &NewGrant) -> Result<Token> {
        self.value(self.post("tokens", grant)).await
    }

    /// Revokes a token, as a person would at TikTok.
    pub async fn revoke(&self, access_token: &str) -> Result<()> {
        let token = AccessToken { access_token: access_token.to_owned() };
        self.done(self.post("tokens/revoke", &token)).await
    }

    /// A code to exchange, as the consent page would have given.
    pub async fn auth_code(&self, grant: &NewGrant) -> Result<String> {
        let code: AuthCode = self.value(self.post("auth_codes", grant)).await?;
        Ok(code.auth_code)
    }

    /// Agrees to a consent link as a person (key or id) with these scopes, and returns where the browser is sent.
    pub async fn allow(&self, consent_url: &str, person: &str, scopes: &[u64]) -> Result<String> {
        let mut fields = vec![("decision", "allow".to_owned()), ("person", person.to_owned())];
        fields.extend(scopes.iter().map(|scope| ("scope", scope.to_string())));
        self.consent(consent_url, fields).await
    }

    /// Cancels a consent link, and returns where the browser is sent.
    pub async fn cancel(&self, consent_url: &str) -> Result<String> {
        self.consent(consent_url, vec![("decision", "cancel".to_owned())]).await
    }
}

impl Control {
    /// Posts the consent page's form and returns the address in the answer.
    async fn consent(&self, consent_url: &str, fields: Vec<(&str, String)>) -> Result<String> {
        let url = Url::parse(consent_url).map_err(|_| ControlError::NoReturn)?;
        // reqwest's form feature is off; a URL's query is encoded in the same way.
        let mut form = url.clone();
        form.query_pairs_mut().extend_pairs(fields);
        let response = self
            .http
            .post(url)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(form.query().unwrap_or_default().to_owned())
            .send()
            .await?;
        let status = response.status();
        let location = response.headers().get(header::LOCATION).cloned();
        if status != StatusCode::FOUND {
            return Err(ControlError::Refused { status, message: response.text().await? });
        }
        let location = location.as_ref().and_then(|location| location.to_str().ok());
        location.map(str::to_owned).ok_or(ControlError::NoReturn)
    }
}
