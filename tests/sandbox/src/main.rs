//! The sandbox as a program: listens on a loopback port until it is told to stop.

use std::net::Ipv4Addr;

use clap::Parser;
use sandbox::Rules;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

/// TikTok as a strict local server.
#[derive(Debug, Parser)]
struct Arguments {
    /// The port on 127.0.0.1; 0 takes a free one.
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// The id of the app.
    #[arg(long, env = "SANDBOX_APP_ID", default_value_t = Rules::default().app_id)]
    app_id: String,
    /// The secret of the app.
    #[arg(long, env = "SANDBOX_APP_SECRET", default_value_t = Rules::default().app_secret)]
    app_secret: String,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let Arguments { port, app_id, app_secret } = Arguments::parse();
    let mut terminate = signal(SignalKind::terminate())?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
    announce(&format!("sandbox listening on http://{}", listener.local_addr()?));
    let rules = Rules { app_id, app_secret, ..Rules::default() };
    let stop = async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = tokio::signal::ctrl_c() => {}
        }
    };
    sandbox::serve(listener, rules, stop).await;
    Ok(())
}

#[expect(clippy::print_stdout, reason = "whoever starts the program waits for this line")]
fn announce(line: &str) {
    println!("{line}");
}
