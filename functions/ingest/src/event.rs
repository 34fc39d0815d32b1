//! Hands an event over as the bytes that Lambda sent. The runtime would parse it first, which for a large one takes a third as
//! long as all the work on it, and would answer what is not JSON with an error of its own.

use std::cell::Cell;
use std::mem;
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::Bytes;
use lambda_runtime::tower::layer::layer_fn;
use lambda_runtime::tower::{Layer, Service};
use lambda_runtime::{Error, LambdaInvocation};

/// The place where the event of the current invocation lies. There is one invocation at a time.
#[derive(Clone, Default)]
pub(crate) struct Event(Rc<Cell<Bytes>>);

impl Event {
    /// The event; to be called once an invocation, when the handler is.
    pub(crate) fn take(&self) -> Bytes {
        self.0.take()
    }

    /// Takes each event out of its invocation and leaves `null` for the runtime to parse.
    pub(crate) fn layer<S>(&self) -> impl Layer<S, Service = WithoutEvent<S>> + use<S> {
        let event = self.clone();
        layer_fn(move |inner| WithoutEvent { inner, event: event.clone() })
    }
}

pub(crate) struct WithoutEvent<S> {
    inner: S,
    event: Event,
}

impl<S: Service<LambdaInvocation, Response = (), Error = Error>> Service<LambdaInvocation> for WithoutEvent<S> {
    type Response = ();
    type Error = Error;
    type Future = S::Future;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut invocation: LambdaInvocation) -> S::Future {
        self.event.0.set(mem::replace(&mut invocation.body, Bytes::from_static(b"null")));
        self.inner.call(invocation)
    }
}
