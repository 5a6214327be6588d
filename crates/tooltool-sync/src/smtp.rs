// SPDX-License-Identifier: MPL-2.0
//! Handing a mail to the SMTP server, one recipient at a time: a server that refuses one of them
//! would otherwise keep the mail from the others too.

use std::{error::Error as _, time::Duration};

use lettre::{
    Address, AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor,
    address::Envelope,
    message::{
        Mailbox,
        header::{ContentType, HeaderName, HeaderValue},
    },
    transport::smtp,
};

use crate::{config::Smtp, mail::Mail};

/// Hands over mails.
pub struct Sender {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
    timeout: Duration,
}

/// What became of a mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The server has it.
    Taken,
    /// The server will never take it.
    Refused(String),
    /// The server may take it later.
    Later(String),
    /// There was no server, or it broke off, or it is too slow.
    Unreached(String),
}

impl Sender {
    /// Returns a sender for a server.
    pub fn new(smtp: &Smtp) -> Self {
        let builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&smtp.server);
        let transport = builder.port(smtp.port).timeout(Some(smtp.timeout));
        Self {
            transport: transport.build(),
            from: smtp.from.clone(),
            timeout: smtp.timeout,
        }
    }

    /// Hands a mail over for one of its recipients.
    pub async fn send(&self, mail: &Mail, recipient: &str) -> Outcome {
        let (envelope, bytes) = match self.message(mail, recipient) {
            Ok(message) => message,
            Err(reason) => return Outcome::Refused(reason),
        };
        let sending = self.transport.send_raw(&envelope, &bytes);
        // The library's time-out is for each read and write; a server that sends a byte now and
        // then would keep this program for ever.
        match tokio::time::timeout(self.timeout, sending).await {
            Ok(Ok(_)) => Outcome::Taken,
            // The second is an address that this server has no letters for.
            Ok(Err(error)) if error.is_permanent() || error.is_client() => {
                Outcome::Refused(reason(&error))
            }
            Ok(Err(error)) if error.is_transient() => Outcome::Later(reason(&error)),
            Ok(Err(error)) => Outcome::Unreached(reason(&error)),
            Err(_) => Outcome::Unreached(format!(
                "the server took more than {} seconds",
                self.timeout.as_secs()
            )),
        }
    }

    fn message(&self, mail: &Mail, recipient: &str) -> Result<(Envelope, Vec<u8>), String> {
        let address = |text: &str| text.parse::<Mailbox>().map_err(|error| error.to_string());
        let to: Address = address(recipient)?.email;
        let envelope = Envelope::new(Some(self.from.email.clone()), vec![to])
            .map_err(|error| error.to_string())?;
        // Nobody's out-of-office reply shall come back.
        let automatic = HeaderValue::new(
            HeaderName::new_from_ascii_str("Auto-Submitted"),
            "auto-generated".to_owned(),
        );
        let mut builder = Message::builder()
            .from(self.from.clone())
            .subject(&mail.subject)
            .date(mail.written())
            .message_id(Some(format!("<{}@{}>", mail.id, self.from.email.domain())))
            .raw_header(automatic)
            .header(ContentType::TEXT_PLAIN);
        for recipient in &mail.to {
            builder = builder.to(address(recipient)?);
        }
        let message = builder.body(mail.body.clone());
        let message = message.map_err(|error| error.to_string())?;
        Ok((envelope, message.formatted()))
    }
}

fn reason(error: &smtp::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}
