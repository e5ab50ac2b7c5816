//! The methods that are called: where each is, and the messages of its requests and answers.

use gpiod_proto::v1;
use std::fmt;
use std::marker::PhantomData;

/// A method. HTTP/2 wants the name of a host, which a Unix socket has not.
pub(crate) struct Method<Q, A> {
    pub(super) uri: &'static str,
    messages: PhantomData<fn(Q) -> A>,
}

impl<Q, A> Method<Q, A> {
    pub(super) const fn new(uri: &'static str) -> Self {
        Self { uri, messages: PhantomData }
    }
}

impl<Q, A> fmt::Debug for Method<Q, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.uri)
    }
}

macro_rules! methods {
    ($($name:ident: $service:ident $method:ident $request:ident $answer:ident;)*) => {$(
        pub(crate) const $name: Method<v1::$request, v1::$answer> =
            Method::new(concat!("http://gpiod/gpiod.v1.", stringify!($service), "/", stringify!($method)));
    )*};
}

methods! {
    LIST_LINES: GpioService ListLines ListLinesRequest ListLinesResponse;
    READ: GpioService Read ReadRequest ReadResponse;
    WRITE: GpioService Write WriteRequest WriteResponse;
    RUN_PROGRAM: GpioService RunProgram RunProgramRequest RunProgramResponse;
    WATCH: GpioService Watch WatchRequest WatchResponse;
    SAMPLE: GpioService Sample SampleRequest SampleResponse;
    SESSION: GpioService Session SessionRequest SessionResponse;
    RELEASE_GROUP: AdminService ReleaseGroup ReleaseGroupRequest ReleaseGroupResponse;
    RELOAD_CONFIG: AdminService ReloadConfig ReloadConfigRequest ReloadConfigResponse;
}
