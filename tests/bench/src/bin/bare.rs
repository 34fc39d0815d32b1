//! A Lambda function that does nothing: what the runtime alone costs. It takes an event and answers with nothing.

use lambda_runtime::{Diagnostic, LambdaEvent, service_fn};
use serde_json::value::RawValue;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    let handle = async |_: LambdaEvent<Box<RawValue>>| Ok::<_, Diagnostic>(());
    lambda_runtime::run(service_fn(handle)).await
}
