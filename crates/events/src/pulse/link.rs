// SPDX-License-Identifier: MPL-2.0
//! One connection with one channel, and the exchanges that were declared on it.

use std::collections::BTreeSet;
use std::future::Future;
use std::time::Duration;

use lapin::options::{ConfirmSelectOptions, ExchangeDeclareOptions};
use lapin::protocol::{AMQPErrorKind, AMQPSoftError};
use lapin::tcp::{AsyncTcpStream, OwnedTLSConfig};
use lapin::types::FieldTable;
use lapin::uri::AMQPScheme;
use lapin::{Channel, Connection, ConnectionProperties, ErrorKind, ExchangeKind};
use releng_common::{Error, Result};

use super::Broker;
use super::socket::Held;

/// Code of a connection that is closed because it is not needed any more.
const CLOSED_BY_US: u16 = 200;

/// A channel on a connection of its own. Whatever fails on it makes it useless: open another.
pub(super) struct Link {
    connection: Connection,
    pub(super) channel: Channel,
    exchanges: BTreeSet<String>,
    /// Whether the broker was asked to confirm what is published on the channel.
    confirms: bool,
    timeout: Duration,
    _socket: Held,
}

impl Link {
    /// Connects.
    ///
    /// # Errors
    /// `Unavailable`.
    pub(super) async fn open(broker: &Broker) -> Result<Self> {
        let socket = Held::default();
        let connection = connect(broker, &socket).await?;
        let channel = within(broker.timeout, connection.create_channel()).await?;
        Ok(Self {
            connection,
            channel,
            exchanges: BTreeSet::new(),
            confirms: false,
            timeout: broker.timeout,
            _socket: socket,
        })
    }

    /// Makes the broker say that it has each message.
    ///
    /// # Errors
    /// `Unavailable`.
    pub(super) async fn confirm(&mut self) -> Result<()> {
        if !self.confirms {
            let confirm = self.channel.confirm_select(ConfirmSelectOptions::default());
            self.within(confirm).await?;
            self.confirms = true;
        }
        Ok(())
    }

    pub(super) fn is_alive(&self) -> bool {
        self.connection.status().connected() && self.channel.status().connected()
    }

    /// Declares a topic exchange, durable, not internal, never deleted by itself. One that exists with
    /// other arguments will do: it is not ours to change what others may be bound to.
    ///
    /// # Errors
    /// `Unavailable`, also when the broker does not let this user have the exchange.
    pub(super) async fn declare_exchange(&mut self, name: &str) -> Result<()> {
        if self.exchanges.contains(name) {
            return Ok(());
        }
        let declared = self.exchange(name, false).await;
        if declared.as_ref().is_err_and(is_other_kind) {
            // The refusal has closed the channel.
            self.channel = self.within(self.connection.create_channel()).await?;
            self.confirms = false;
            self.exchange(name, true).await.map_err(failed)?;
            tracing::warn!(
                exchange = name,
                "{name} exists with other arguments and is used as it is"
            );
        } else {
            declared.map_err(failed)?;
        }
        self.exchanges.insert(name.to_owned());
        Ok(())
    }

    async fn exchange(&self, name: &str, passive: bool) -> lapin::Result<()> {
        let options = ExchangeDeclareOptions {
            passive,
            durable: true,
            ..ExchangeDeclareOptions::default()
        };
        let declare = self.channel.exchange_declare(
            name.into(),
            ExchangeKind::Topic,
            options,
            FieldTable::default(),
        );
        tokio::time::timeout(self.timeout, declare)
            .await
            .unwrap_or_else(|_| Err(input(silence())))
    }

    /// Waits for an answer of the broker, and no longer than for any other.
    ///
    /// # Errors
    /// `Unavailable`.
    pub(super) async fn within<T>(
        &self,
        answer: impl Future<Output = lapin::Result<T>>,
    ) -> Result<T> {
        within(self.timeout, answer).await
    }

    /// Says goodbye. A broker that does not answer is left.
    pub(super) async fn close(self) {
        let close = self.connection.close(CLOSED_BY_US, "done".into());
        if let Err(error) = within(self.timeout, close).await {
            tracing::debug!(error = error.chain(), "the broker was left without a word");
        }
    }
}

async fn connect(broker: &Broker, socket: &Held) -> Result<Connection> {
    let properties = ConnectionProperties::default().with_connection_name("releng".into());
    let tls = OwnedTLSConfig {
        identity: None,
        cert_chain: broker.authorities.clone(),
    };
    let (place, timeout) = (socket.0.clone(), broker.timeout);
    let runtime = lapin::runtime::default_runtime().map_err(failed)?;
    let open = Connection::connector(
        broker.uri.clone(),
        runtime,
        async move |uri, runtime| {
            let host = uri.authority.host.as_str();
            let address = (host.to_owned(), uri.authority.port);
            let connect = AsyncTcpStream::connect(&runtime, runtime.to_socket_addrs(address));
            let connected = tokio::time::timeout(timeout, connect).await;
            let stream = connected
                .unwrap_or_else(|_| Err(silence()))
                .map_err(input)?;
            if let AsyncTcpStream::Plain(stream) = &stream {
                place.hold(stream.get_ref()).map_err(input)?;
            }
            match uri.scheme {
                AMQPScheme::AMQP => Ok(stream),
                AMQPScheme::AMQPS => stream.into_tls(host, tls.as_ref()).await.map_err(input),
            }
        },
        properties,
    );
    within(broker.timeout, Box::pin(open)).await
}

fn input(error: std::io::Error) -> lapin::Error {
    ErrorKind::IOError(error.into()).into()
}

async fn within<T>(timeout: Duration, answer: impl Future<Output = lapin::Result<T>>) -> Result<T> {
    match tokio::time::timeout(timeout, answer).await {
        Ok(result) => result.map_err(failed),
        Err(_) => Err(Error::unavailable(NO_ANSWER).with_source(silence())),
    }
}

const NO_ANSWER: &str = "the message broker does not answer";

fn silence() -> std::io::Error {
    std::io::ErrorKind::TimedOut.into()
}

/// Returns the neutral error: the broker could not be used, whatever the reason.
pub(super) fn failed(error: lapin::Error) -> Error {
    Error::unavailable(NO_ANSWER).with_source(error)
}

/// Tells whether the broker has something of this name that is otherwise.
fn is_other_kind(error: &lapin::Error) -> bool {
    match error.kind() {
        ErrorKind::ProtocolError(error) => matches!(
            error.kind(),
            AMQPErrorKind::Soft(AMQPSoftError::PRECONDITIONFAILED)
        ),
        _ => false,
    }
}
