// SPDX-License-Identifier: MPL-2.0
//! Routes that know their methods: HEAD beside every GET, OPTIONS with `Allow`, 405 with `Allow`
//! for the rest, and a table that tests compare with their list of roles. A handler that panics is
//! an error like any other.

use std::any::Any;
use std::panic::AssertUnwindSafe;

use actix_web::body::EitherBody;
use actix_web::dev::AppService;
use actix_web::dev::HttpServiceFactory;
use actix_web::http::Method;
use actix_web::{FromRequest, Handler, HttpRequest, HttpResponse, Resource, Responder, web};

use futures_util::FutureExt as _;
use futures_util::future::{CatchUnwind, Map};

use crate::error::{Error, Kind};

/// Text of a 405; werkzeug's, which scripts and people know (platform.md §5).
pub const METHOD_NOT_ALLOWED: &str = "The method is not allowed for the requested URL.";

/// One path with its handlers.
pub struct Route {
    path: String,
    methods: Vec<Method>,
    resource: Resource,
    answers_options: bool,
}

impl Route {
    /// Begins a route. `path` is an actix pattern such as `/trees/{tree}`.
    pub fn new(path: &str) -> Self {
        Self {
            path: path.to_owned(),
            methods: Vec::new(),
            resource: web::resource(path),
            answers_options: true,
        }
    }

    /// Makes OPTIONS a wrong method like any other (tecken's downloads).
    #[must_use]
    pub fn without_options(mut self) -> Self {
        self.answers_options = false;
        self
    }

    /// Answers GET, and HEAD with the same headers and no body.
    pub fn get<F, Args>(self, handler: F) -> Self
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        self.on(Method::GET, handler.clone())
            .on(Method::HEAD, handler)
    }

    /// Answers POST.
    pub fn post<F, Args>(self, handler: F) -> Self
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        self.on(Method::POST, handler)
    }

    /// Answers one method.
    pub fn on<F, Args>(mut self, method: Method, handler: F) -> Self
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        let route = web::method(method.clone()).to(Caught(handler));
        self.resource = self.resource.route(route);
        self.methods.push(method);
        self
    }

    fn finish(mut self) -> Resource {
        if self.answers_options && !self.methods.contains(&Method::OPTIONS) {
            self.methods.push(Method::OPTIONS);
            let allow = allow(&self.methods);
            self.resource = self
                .resource
                .route(web::method(Method::OPTIONS).to(move || {
                    let allow = allow.clone();
                    async move { HttpResponse::Ok().insert_header(("allow", allow)).finish() }
                }));
        }
        let allow = allow(&self.methods);
        self.resource
            .default_service(web::to(move |request: HttpRequest| {
                let allow = allow.clone();
                async move {
                    super::frame::note_header(&request, "allow", allow);
                    Err::<HttpResponse, _>(Error::new(Kind::MethodNotAllowed, METHOD_NOT_ALLOWED))
                }
            }))
    }
}

/// A handler that may panic. Caught here, where the request is still at hand, it becomes an answer in
/// the form of the service.
#[derive(Clone)]
struct Caught<F>(F);

type Ended<T> = std::thread::Result<T>;

impl<F, Args> Handler<Args> for Caught<F>
where
    F: Handler<Args>,
    F::Output: Responder + 'static,
{
    type Output = Outcome<F::Output>;
    type Future =
        Map<CatchUnwind<AssertUnwindSafe<F::Future>>, fn(Ended<F::Output>) -> Outcome<F::Output>>;

    fn call(&self, args: Args) -> Self::Future {
        let outcome: fn(Ended<F::Output>) -> Outcome<F::Output> = Outcome::of;
        AssertUnwindSafe(self.0.call(args))
            .catch_unwind()
            .map(outcome)
    }
}

/// How a handler ended.
enum Outcome<R> {
    Answer(R),
    Panic(String),
}

impl<R> Outcome<R> {
    fn of(ended: Ended<R>) -> Self {
        match ended {
            Ok(answer) => Self::Answer(answer),
            Err(panic) => Self::Panic(words(panic.as_ref())),
        }
    }
}

impl<R: Responder> Responder for Outcome<R> {
    type Body = EitherBody<R::Body>;

    fn respond_to(self, request: &HttpRequest) -> HttpResponse<Self::Body> {
        match self {
            Self::Answer(answer) => answer.respond_to(request).map_into_left_body(),
            Self::Panic(words) => {
                let error = Error::internal("a handler panicked").with_source(words);
                HttpResponse::from_error(error).map_into_right_body()
            }
        }
    }
}

/// Returns what was said at the panic, for the log.
fn words(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("without words").to_owned()
}

fn allow(methods: &[Method]) -> String {
    let mut names: Vec<&str> = methods.iter().map(Method::as_str).collect();
    names.sort_unstable();
    names.dedup();
    names.join(", ")
}

/// The routes of a service, in the order in which they are tried.
#[derive(Default)]
pub struct Routes(Vec<Route>);

impl Routes {
    /// Returns an empty list.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a route.
    pub fn add(&mut self, route: Route) -> &mut Self {
        self.0.push(route);
        self
    }

    /// Returns method and pattern of every route, HEAD and OPTIONS left out: they follow from GET.
    pub fn table(&self) -> Vec<(String, String)> {
        self.0
            .iter()
            .flat_map(|route| {
                route
                    .methods
                    .iter()
                    .filter(|m| !matches!(**m, Method::HEAD | Method::OPTIONS))
                    .map(|m| (m.to_string(), route.path.clone()))
            })
            .collect()
    }
}

impl HttpServiceFactory for Routes {
    fn register(self, config: &mut AppService) {
        for route in self.0 {
            route.finish().register(config);
        }
    }
}
