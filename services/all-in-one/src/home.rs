// SPDX-License-Identifier: MPL-2.0
//! The home page: which services run, in which state, and where.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use actix_web::web::{Data, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use releng_common::config::{Common, Invalid, Source};
use releng_common::http::cors::Cors;
use releng_common::http::dockerflow::{Dockerflow, Heartbeat};
use releng_common::http::routes::Route;
use releng_common::http::security_headers::SecurityHeaders;
use releng_common::http::{Frame, Outside, Routes, assets, page};
use releng_common::run::{Info, Service, Worker};
use releng_common::{Clock, Error, Result};

use crate::accounts::{CLIENTS, Client, TECKEN_ADMIN, TECKEN_UPLOADER};
use crate::stand_ins::StandIns;

/// Longest time that the state of one service may take to show.
const PATIENCE: Duration = Duration::from_secs(2);

/// One service for the page.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Name.
    pub name: &'static str,
    /// What it is for.
    pub about: &'static str,
    /// Base address.
    pub address: String,
    /// Paths worth a click.
    pub links: &'static [(&'static str, &'static str)],
}

/// The services, known once they have started.
pub type Entries = Arc<OnceLock<Vec<Entry>>>;

/// The home page as the run loop sees it.
#[derive(Clone)]
pub struct Home {
    settings: Settings,
    stand_ins: StandIns,
    outside: Outside,
    http: reqwest::Client,
}

/// What the home page needs to know.
#[derive(Clone)]
pub struct Settings {
    /// The shared settings.
    pub common: Common,
    /// Base address of the home page.
    pub root: String,
    /// Filled in when the services have started.
    pub entries: Entries,
}

#[derive(Template)]
#[template(path = "home.html")]
struct HomePage {
    services: Vec<(Entry, bool)>,
    clients: &'static [Client],
    people: [&'static str; 2],
}

impl Service for Home {
    type Settings = Settings;

    const INFO: Info = Info {
        name: "home",
        binary: "releng",
        about: "Home page of the all-in-one",
        port: 8000,
        reads_django_names: false,
    };

    fn settings(source: &Source) -> Result<Settings, Invalid> {
        Ok(Settings {
            common: Common::load(source)?,
            root: String::new(),
            entries: Entries::default(),
        })
    }

    fn common(settings: &Settings) -> &Common {
        &settings.common
    }

    async fn migrate(_: &Settings) -> Result<()> {
        Ok(())
    }

    async fn open(settings: Settings, _: Clock) -> Result<Self> {
        let http = reqwest::Client::builder()
            .timeout(PATIENCE)
            .no_proxy()
            .build()
            .map_err(|e| Error::internal("no http client").with_source(e))?;
        let outside = Outside::open(&settings.common)?;
        let stand_ins = StandIns::new(&settings.root)?;
        Ok(Self {
            settings,
            stand_ins,
            outside,
            http,
        })
    }

    fn frame(&self) -> Frame {
        // The sign-in pages of the stand-ins post a form that ends at another port of this machine.
        let policy = "default-src 'self'; img-src 'self' data:; object-src 'none'; \
            base-uri 'none'; form-action 'self' http://127.0.0.1:* http://localhost:*; \
            frame-ancestors 'self'";
        #[expect(
            clippy::expect_used,
            reason = "the text is a constant and printable ASCII"
        )]
        let security = SecurityHeaders::with_policy(policy).expect("a valid header");
        Frame {
            service: Self::INFO.name,
            renderer: |_, error| page::error_page("releng", error),
            cors: Cors::everywhere("*"),
            security,
            outside: self.outside.clone(),
            sends_response_time: false,
        }
    }

    fn dockerflow(&self) -> Dockerflow {
        Dockerflow::new(&self.settings.common, Heartbeat::Dockerflow(503), "OK!")
    }

    fn routes(&self) -> Routes {
        let mut routes = Routes::new();
        routes.add(Route::new("/").get(home));
        assets::routes(&mut routes, &[assets::STYLESHEET]);
        self.dockerflow().routes(&mut routes);
        routes
    }

    fn configure(&self, config: &mut ServiceConfig) {
        let stand_ins = self.stand_ins.clone();
        stand_ins.configure(config);
    }

    fn workers(&self) -> Vec<Worker> {
        Vec::new()
    }

    fn openapi() -> String {
        "{}\n".to_owned()
    }
}

async fn home(_: HttpRequest, home: Data<Home>) -> Result<HttpResponse> {
    let entries = home.settings.entries.get().cloned().unwrap_or_default();
    let states = entries
        .iter()
        .map(|entry| is_well(&home.http, &entry.address));
    let states = futures_util::future::join_all(states).await;
    page::html(&HomePage {
        services: entries.into_iter().zip(states).collect(),
        clients: &CLIENTS,
        people: [TECKEN_ADMIN, TECKEN_UPLOADER],
    })
}

async fn is_well(http: &reqwest::Client, address: &str) -> bool {
    let answer = http.get(format!("{address}/__heartbeat__")).send().await;
    answer.is_ok_and(|response| response.status().is_success())
}
