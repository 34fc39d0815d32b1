//! The command line.

use std::path::PathBuf;

use clap::builder::NonEmptyStringValueParser;
use clap::{Args, Parser, Subcommand};
use ids::{AccountId, AdvertiserId};

/// Who is in trouble, why, and what to do about it.
#[derive(Debug, Parser)]
#[command(name = "operator", version, about)]
pub struct Arguments {
    /// The local stack, by the file that `make up` writes
    #[arg(long, global = true, value_name = "FILE", conflicts_with = "stack_name")]
    pub stack: Option<PathBuf>,
    /// The deployed stack, by its name at CloudFormation; region and credentials are those of the AWS CLI
    #[arg(long, global = true, value_name = "NAME", env = "OPERATOR_STACK_NAME")]
    pub stack_name: Option<String>,
    /// Print JSON, for programs
    #[arg(long, global = true)]
    pub json: bool,
    /// What to do
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// The queue, the dead letters, and every connection, those in trouble first
    Status,
    /// Changes that were given up
    #[command(subcommand)]
    DeadLetters(DeadLetters),
    /// An advertiser's audiences at TikTok: size against the minimum, validity, whose they are
    Audiences {
        /// The TikTok advertiser id
        advertiser: AdvertiserId,
    },
    /// The path of one Firehose message, or of a person's request to be forgotten, from the logs and the dead letters
    Trace {
        /// mParticle's id of the message, or of the request (`subject_request_id`)
        id: String,
        /// How many days to look back in the logs
        #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=731))]
        days: u16,
    },
    /// The tokens of an advertiser's connections; they are never shown
    #[command(subcommand)]
    Token(Token),
    /// Forget a customer: its tokens, its dead letters, and what of it still waits
    Forget {
        /// The TikTok advertiser id
        advertiser: AdvertiserId,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
    /// The token that mParticle sends with each HTTP request
    #[command(subcommand)]
    FirehoseToken(FirehoseToken),
    /// Whether everything is in order for the first delivery; each line ok or what to do
    Check,
}

/// What to do with dead letters.
#[derive(Debug, Subcommand)]
pub enum DeadLetters {
    /// By cause and connection, with every letter
    List {
        /// Which ones
        #[command(flatten)]
        filter: Filter,
    },
    /// One letter whole
    Show {
        /// The letter's id, or how it begins
        #[arg(value_parser = NonEmptyStringValueParser::new())]
        id: String,
        /// Show the hashed device ids in full
        #[arg(long)]
        full_ids: bool,
    },
    /// Send changes to the queue again: those that take people out, and with --adds those that put people in
    ///
    /// What is sent again counts as the newest change, whatever mParticle said since: who came back meanwhile is taken out, and with
    /// --adds who left meanwhile is put back in. Send again only what is younger than the next change of the same people; for the rest
    /// let the customer send the audience anew.
    Redrive {
        /// Which ones
        #[command(flatten)]
        filter: Filter,
        /// Also the changes that put people in: they put back who left meanwhile
        #[arg(long)]
        adds: bool,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
    /// Delete letters for good
    Delete {
        /// Which ones
        #[command(flatten)]
        filter: Filter,
        /// All of them
        #[arg(long)]
        all: bool,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
}

/// Which letters. All that is given must fit.
#[derive(Debug, Clone, Default, Args)]
pub struct Filter {
    /// Only letters with this cause
    #[arg(long)]
    pub cause: Option<String>,
    /// Only letters of this TikTok advertiser
    #[arg(long)]
    pub advertiser: Option<AdvertiserId>,
    /// Only letters of this mParticle account
    #[arg(long)]
    pub account: Option<AccountId>,
    /// Only the letter whose id begins so
    #[arg(long, value_parser = NonEmptyStringValueParser::new())]
    pub id: Option<String>,
}

impl Filter {
    /// Whether it lets every letter through.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.cause.is_none() && self.advertiser.is_none() && self.account.is_none() && self.id.is_none()
    }
}

/// What to do with tokens.
#[derive(Debug, Subcommand)]
pub enum Token {
    /// Ask TikTok about the token of each connection
    Check {
        /// The TikTok advertiser id
        advertiser: AdvertiserId,
    },
    /// Have TikTok end a connection's token
    Revoke {
        /// The TikTok advertiser id
        advertiser: AdvertiserId,
        /// The mParticle account id
        account: AccountId,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
    /// Remove a connection with its token from the record; TikTok is not told
    Forget {
        /// The TikTok advertiser id
        advertiser: AdvertiserId,
        /// The mParticle account id
        account: AccountId,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
}

/// What to do with the token that mParticle sends.
#[derive(Debug, Subcommand)]
pub enum FirehoseToken {
    /// Which tokens are accepted, and which of them mParticle uses
    Status,
    /// Make a new token and show it once; the present one is accepted until it is retired
    ///
    /// Where two are accepted already, it asks, and replaces the newer one if mParticle has not used it.
    Rotate {
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
    /// Stop accepting the token of before the rotation
    Retire {
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
}
