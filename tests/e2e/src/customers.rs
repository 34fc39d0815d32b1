//! Those who have accounts: customers, their second configurations, their colleagues, their new tokens.

use anyhow::{Context, Result};
use sandbox::control::NewPerson;
use serde_json::Value;

use crate::message::{Account, Audience};
use crate::mparticle::Transport;
use crate::stack::Stack;

/// A customer: an advertiser of his own at TikTok, and his configuration in mParticle.
#[derive(Clone, Debug)]
pub struct Customer {
    /// The configuration, with the token that the admin granted.
    pub account: Account,
    /// The admin, by his id at TikTok.
    pub person: String,
}

impl Stack {
    /// A new customer, whose admin has granted a token.
    ///
    /// # Errors
    /// When the sandbox says no.
    pub async fn customer(&self, name: &str) -> Result<Customer> {
        let made = self.tiktok.customer(name).await?;
        let (advertiser_id, token) = (made.advertiser.advertiser_id, made.token.access_token);
        self.confidential.add(&token);
        self.claim_letters_of(&advertiser_id);
        let account = Account { account_id: Self::next_account_id(), advertiser_id, token };
        Ok(Customer { account, person: made.person.core_user_id })
    }

    /// A new customer with a connected audience of the same name.
    ///
    /// # Errors
    /// When the sandbox or `ingest` says no.
    pub async fn connected(&self, name: &str) -> Result<(Customer, Audience)> {
        let customer = self.customer(name).await?;
        let audience = self.connect(&customer.account, 1, name).await?;
        Ok((customer, audience))
    }

    /// Another configuration in mParticle of the same advertiser, with the same token.
    #[must_use]
    pub fn another_configuration(&self, account: &Account) -> Account {
        Account { account_id: Self::next_account_id(), ..account.clone() }
    }

    /// Another person who works in the customer's advertiser account, and a configuration with a token of that person's.
    ///
    /// # Errors
    /// When the sandbox says no.
    pub async fn colleague(&self, customer: &Customer) -> Result<Customer> {
        let advertisers = vec![customer.account.advertiser_id.clone()];
        let new = NewPerson { advertisers, ..NewPerson::default() };
        let person = self.tiktok.create_person(&new).await?.core_user_id;
        let token = self.new_token(&person).await?;
        let account = Account { token, ..self.another_configuration(&customer.account) };
        Ok(Customer { account, person })
    }

    /// A new token of this person, beside those granted before.
    ///
    /// # Errors
    /// When the sandbox says no.
    pub async fn new_token(&self, person: &str) -> Result<String> {
        let token = self.tiktok.token(person).await?.access_token;
        self.confidential.add(&token);
        Ok(token)
    }

    /// The customer's configuration with a new token of the same person.
    ///
    /// # Errors
    /// When the sandbox says no.
    pub async fn renewed(&self, customer: &Customer) -> Result<Account> {
        Ok(Account { token: self.new_token(&customer.person).await?, ..customer.account.clone() })
    }

    /// What the advertiser's record says of a configuration: the connection with its `token` and its `state`.
    ///
    /// # Errors
    /// When there is no record, or no connection in it.
    pub async fn connection(&self, account: &Account) -> Result<Value> {
        let record = self.cloud.secret(&self.at.record_of(&account.advertiser_id)).await?;
        let found = record["connections"].get(account.account_id.to_string());
        found.cloned().with_context(|| format!("no connection of configuration {}", account.account_id))
    }

    /// The state of a connection: `active`, `refused` or `dead`.
    ///
    /// # Errors
    /// When there is none.
    pub async fn state(&self, account: &Account) -> Result<String> {
        let state = self.connection(account).await?["state"].take();
        let word = state.as_str().or_else(|| state.as_object()?.keys().next().map(String::as_str));
        word.map(str::to_owned).with_context(|| format!("a connection without a state: {state}"))
    }

    /// Asks as mParticle does from time to time whether the connection is alive. Returns whether it is to be suspended.
    ///
    /// # Errors
    /// When `ingest` refuses to say.
    pub async fn is_suspended(&self, account: &Account) -> Result<bool> {
        let answer = self.mparticle.deliver(Transport::Http, &crate::message::verification(account)).await?;
        answer["suspend_subscription"].as_bool().context("no suspend_subscription")
    }
}
