//! The customer's configuration that a message comes from: which advertiser it feeds, and with which token.

use ids::{AccountId, AdvertiserId, ConnectionId};
use secrecy::SecretString;
use serde::de::{DeserializeSeed, MapAccess};
use serde_json::value::RawValue;

use crate::invalid::{Field, Invalid};
use crate::json::{Fields, Object, Scalar, Shape, skip};
use crate::settings::{ACCESS_TOKEN, ACCOUNT_ID, Given};

/// The longest token that is taken, in bytes. TikTok's have 40.
const MAX_TOKEN_BYTES: usize = 1024;

/// A customer's configuration.
#[derive(Debug)]
pub struct Account {
    /// mParticle's own number of the configuration.
    pub id: AccountId,
    /// The setting [`ACCOUNT_ID`].
    pub advertiser: AdvertiserId,
    /// The setting [`ACCESS_TOKEN`]: 1 to 1024 visible ASCII characters.
    pub token: SecretString,
}

#[derive(Default)]
struct Wire<'a> {
    id: Scalar<'a>,
    settings: Option<Settings<'a>>,
}

#[derive(Default)]
struct Settings<'a> {
    advertiser: Given<'a>,
    token: Given<'a>,
}

impl<'de> Object<'de> for Wire<'de> {
    fn field<A: MapAccess<'de>>(&mut self, name: &str, object: &mut A) -> Result<(), A::Error> {
        match name {
            "account_id" => self.id = object.next_value()?,
            "account_settings" => {
                let mut settings = Settings::default();
                let shape = object.next_value_seed(Fields(&mut settings))?;
                self.settings = (shape == Shape::Expected).then_some(settings);
            }
            _ => skip(object)?,
        }
        Ok(())
    }
}

impl<'de> Object<'de> for Settings<'de> {
    fn field<A: MapAccess<'de>>(&mut self, name: &str, object: &mut A) -> Result<(), A::Error> {
        let setting = match name {
            _ if name == ACCOUNT_ID.id => &mut self.advertiser.by_id,
            _ if name == ACCOUNT_ID.name => &mut self.advertiser.by_name,
            _ if name == ACCESS_TOKEN.id => &mut self.token.by_id,
            _ if name == ACCESS_TOKEN.name => &mut self.token.by_name,
            _ => return skip(object),
        };
        *setting = object.next_value()?;
        Ok(())
    }
}

impl Account {
    /// Reads the message's field `account`.
    pub(crate) fn read(raw: Option<&RawValue>) -> Result<Self, Invalid> {
        let Wire { id, settings } = Wire::read(raw)?;
        let Settings { advertiser, token } = settings.unwrap_or_default();
        let advertiser = advertiser_of(advertiser)?;
        let token = token.value().ok_or(Invalid::SettingMissing(ACCESS_TOKEN))?;
        if token.len() > MAX_TOKEN_BYTES || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(Invalid::Setting {
                setting: ACCESS_TOKEN,
                must: "be a token as TikTok's authorization page shows it: up to 1024 visible ASCII characters",
            });
        }
        Ok(Self { id: account_of(&id)?, advertiser, token: SecretString::from(token.into_owned()) })
    }

    /// Reads of the message's field `account` which connection it is, where no token is needed.
    pub(crate) fn connection(raw: &RawValue) -> Result<ConnectionId, Invalid> {
        let Wire { id, settings } = Wire::read(Some(raw))?;
        let advertiser = advertiser_of(settings.unwrap_or_default().advertiser)?;
        Ok(ConnectionId { advertiser, account: account_of(&id)? })
    }
}

impl<'a> Wire<'a> {
    /// The field, with its settings.
    fn read(raw: Option<&'a RawValue>) -> Result<Self, Invalid> {
        let mut wire = Wire::default();
        let json = raw.map_or("null", RawValue::get);
        let shape = Fields(&mut wire).deserialize(&mut serde_json::Deserializer::from_str(json));
        // An error is a number that nothing can hold: somewhere in the account, which then is not of its form.
        if !matches!(shape, Ok(Shape::Expected)) {
            return Err(Invalid::Field(Field::Account));
        }
        if wire.settings.is_none() {
            return Err(Invalid::Field(Field::AccountSettings));
        }
        Ok(wire)
    }
}

fn advertiser_of(setting: Given<'_>) -> Result<AdvertiserId, Invalid> {
    let text = setting.value().ok_or(Invalid::SettingMissing(ACCOUNT_ID))?;
    text.parse().map_err(|_| Invalid::Setting {
        setting: ACCOUNT_ID,
        must: "be the number in the URL of TikTok's ads dashboard: digits only",
    })
}

fn account_of(id: &Scalar<'_>) -> Result<AccountId, Invalid> {
    id.integer().and_then(AccountId::new).ok_or(Invalid::Field(Field::AccountId))
}
