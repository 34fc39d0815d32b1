//! The operator's tool: who is in trouble and since when, why changes were given up, how many users wait, and what to do about it.
//!
//! It speaks to AWS, or to the local cloud, with the credentials of the person who calls it. It never prints a token, never receives from
//! the queue of changes (that would block its lanes), and asks before it destroys anything or sends a change again.

mod arguments;
mod audiences;
mod check;
mod cloud;
mod confirm;
mod dead_letters;
mod delete;
mod error;
mod firehose_token;
mod forget;
mod letter;
mod letterbox;
mod logs;
mod output;
mod records;
mod redrive;
mod resend;
mod stack;
mod status;
mod time;
mod tokens;
mod trace;

use std::process::ExitCode;

pub use arguments::Arguments;

use crate::arguments::{Command, DeadLetters, FirehoseToken, Token};
use crate::cloud::Cloud;
use crate::error::Error;
use crate::output::{Report, print_error};

/// Carries out a command, prints what came of it, and says how it went.
pub async fn run(arguments: &Arguments) -> ExitCode {
    match carry_out(arguments).await {
        Ok(report) => report.print(arguments.json),
        Err(error) => {
            print_error(&error.to_string());
            ExitCode::FAILURE
        }
    }
}

async fn carry_out(arguments: &Arguments) -> Result<Report, Error> {
    let cloud = Cloud::connect(arguments).await?;
    match &arguments.command {
        Command::Status => status::status(&cloud).await,
        Command::DeadLetters(DeadLetters::List { filter }) => dead_letters::list(&cloud, filter).await,
        Command::DeadLetters(DeadLetters::Show { id, full_ids }) => dead_letters::show(&cloud, id, *full_ids).await,
        Command::DeadLetters(DeadLetters::Redrive { filter, adds, yes }) => {
            resend::redrive(&cloud, filter, *adds, *yes).await
        }
        Command::DeadLetters(DeadLetters::Delete { filter, all, yes }) => {
            delete::delete(&cloud, filter, *all, *yes).await
        }
        Command::Audiences { advertiser } => audiences::audiences(&cloud, *advertiser).await,
        Command::Trace { id, days } => trace::trace(&cloud, id, *days).await,
        Command::Token(Token::Check { advertiser }) => tokens::check(&cloud, *advertiser).await,
        Command::Token(Token::Revoke { advertiser, account, yes }) => {
            tokens::revoke(&cloud, *advertiser, *account, *yes).await
        }
        Command::Token(Token::Forget { advertiser, account, yes }) => {
            tokens::forget(&cloud, *advertiser, *account, *yes).await
        }
        Command::Forget { advertiser, yes } => forget::forget(&cloud, *advertiser, *yes).await,
        Command::FirehoseToken(FirehoseToken::Status) => firehose_token::status(&cloud).await,
        Command::FirehoseToken(FirehoseToken::Rotate { yes }) => firehose_token::rotate(&cloud, *yes).await,
        Command::FirehoseToken(FirehoseToken::Retire { yes }) => firehose_token::retire(&cloud, *yes).await,
        Command::Check => check::check(&cloud).await,
    }
}
