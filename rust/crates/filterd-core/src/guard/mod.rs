//! The guard: who is answered at all, how fast, and how a client proves that its address is its
//! own.
//!
//! It stands on both sides of the engine. `arrive` looks at a query before it costs anything,
//! `leave` at the reply before it goes out. Both take the guard by `&self` from any number of
//! threads, without a lock and without allocating; what is switched off costs a branch. Whatever is
//! kept has a fixed size, and where that does not suffice the guard errs to the side of answering.
//!
//! Over UDP an address is only what the sender says it is. So limits on what an address may have
//! are limits on what somebody else can take from it, and whoever proves its address, by TCP or by
//! a cookie, is counted apart from those who do not.

pub(crate) mod access;
mod cookies;
mod counts;
mod prefix;
mod queries;
mod responses;
mod settings;
mod table;

use std::net::IpAddr;
use std::sync::Arc;

pub use crate::wire::edns::Cookie;
pub use cookies::Secrets;
pub use counts::Counted;
pub use settings::{
    AccessSettings, CookieSettings, GuardSettings, Others, QuerySettings, ResponseSettings,
};

use crate::engine::Now;
use crate::reply::{self, Ede};
use access::{Access, Networks};
use cookies::Cookies;
use counts::{count, Counts};
use queries::Queries;
use responses::Responses;

/// What became of a query at the door.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// Answer it.
    Go(Pass),
    /// Answer REFUSED, with the extended error that says why.
    Refuse(Pass, Why),
    /// Answer BADCOOKIE with the new cookie, and nothing else: a real client comes back with it.
    BadCookie(Pass),
    /// No reply.
    Drop,
}

/// Goes with a query to its reply, parked or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pass {
    /// The value of the COOKIE option of the reply.
    pub cookie: Option<[u8; 24]>,
    /// The reply counts against what its kind may cost: the client has proved nothing.
    paced: bool,
}

impl Pass {
    /// For questions of our own, which go to nobody.
    pub const OWN: Self = Self {
        cookie: None,
        paced: false,
    };
}

/// Why a query is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// Its sender is not one of those that are answered here.
    Stranger,
    /// Its sender asks too much.
    TooMany,
}

impl Why {
    /// The extended error (RFC 8914 sections 4.1 and 4.19).
    pub(crate) fn ede(self) -> Ede<'static> {
        match self {
            Self::Stranger => Ede { code: 18, text: "" },
            Self::TooMany => Ede {
                code: 0,
                text: "too many queries",
            },
        }
    }
}

/// What to do with a reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// Send it.
    Send,
    /// Send it: it has been cut down to "ask again over TCP".
    Slip,
    /// Do not send it; the buffer is empty.
    Drop,
}

/// See the module. One for all threads of a process; a changed configuration makes a new one.
pub struct Guard {
    access: Access,
    /// Clients whose queries and replies are not counted.
    exempt: Networks,
    queries: Option<Queries>,
    responses: Option<Responses>,
    cookies: Option<Cookies>,
    /// Nothing is counted, so who is let in without a cookie needs no further look.
    uncounted: bool,
    counts: Arc<Counts>,
}

impl Guard {
    /// Make a guard.
    ///
    /// # Errors
    /// One line that says what is wrong with the settings, or that cookies are on without a secret.
    pub fn new(settings: &GuardSettings, secrets: Option<Secrets>) -> Result<Self, String> {
        settings.check()?;
        let cookies = match (settings.cookies.enabled, secrets) {
            (false, _) => None,
            (true, Some(secrets)) => Some(Cookies::new(secrets, settings.cookies.require)),
            (true, None) => return Err("guard: cookies are enabled and there is no secret".into()),
        };
        let queries = Queries::new(&settings.queries);
        let responses = Responses::new(&settings.responses);
        Ok(Self {
            access: Access::new(&settings.access)?,
            exempt: Networks::new(&settings.exempt)?,
            uncounted: queries.is_none() && responses.is_none(),
            queries,
            responses,
            cookies,
            counts: Arc::default(),
        })
    }

    /// Make the guard that follows this one: it counts on, and forgets rates.
    ///
    /// # Errors
    /// As `new`.
    pub fn renewed(
        &self,
        settings: &GuardSettings,
        secrets: Option<Secrets>,
    ) -> Result<Self, String> {
        let mut guard = Self::new(settings, secrets)?;
        guard.counts = Arc::clone(&self.counts);
        Ok(guard)
    }

    /// One that lets everything pass and knows no cookies: for tools that ask the engine directly.
    #[must_use]
    pub fn open() -> Self {
        Self {
            access: Access::everybody(),
            exempt: Networks::none(),
            queries: None,
            responses: None,
            cookies: None,
            uncounted: true,
            counts: Arc::default(),
        }
    }

    /// Whether a connection of `client` is taken: strangers have none, so that they take no place
    /// from others. One that is not is counted.
    #[must_use]
    pub fn welcomes(&self, client: IpAddr) -> bool {
        let welcome = self.access.admits(client);
        if !welcome {
            self.turn_away(client, true);
        }
        welcome
    }

    /// Judge a query by where it comes from. `cookie`: of its OPT, `Absent` if there is none or
    /// the packet cannot be read. `stream`: it came over TCP, TLS or HTTPS.
    #[inline]
    pub fn arrive(&self, client: IpAddr, cookie: Cookie, stream: bool, now: Now) -> Arrival {
        if !self.access.admits(client) {
            return self.turn_away(client, stream);
        }
        if self.uncounted && cookie == Cookie::Absent {
            return Arrival::Go(Pass::OWN);
        }
        self.weigh(client, cookie, stream, now)
    }

    /// Judge a query of somebody who is answered here.
    fn weigh(&self, client: IpAddr, cookie: Cookie, stream: bool, now: Now) -> Arrival {
        let seen = match &self.cookies {
            Some(cookies) => cookies.see(cookie, client, now.unix),
            None => cookies::Seen::NOTHING,
        };
        let proved = stream || seen.valid;
        let mut pass = Pass {
            cookie: seen.reply,
            paced: false,
        };
        if self.queries.is_some() || self.responses.is_some() {
            let exempt = self.exempt.hold(client);
            pass.paced = self.responses.is_some() && !proved && !exempt;
            if let (Some(queries), false) = (&self.queries, exempt) {
                if !queries.admit(client, proved, now.steady) {
                    return self.slow_down(pass, seen.aware(), stream, proved);
                }
            }
        }
        let required = self.cookies.as_ref().is_some_and(Cookies::required);
        if required && seen.aware() && !proved {
            count(&self.counts.bad_cookies);
            return Arrival::BadCookie(pass);
        }
        Arrival::Go(pass)
    }

    /// Judge a reply that is about to go out to `client`, and make it what is to be sent. Costs
    /// nothing for a `pass` that is not counted.
    #[inline]
    pub fn leave(&self, client: IpAddr, pass: Pass, out: &mut Vec<u8>, steady: f64) -> Pace {
        let (true, Some(responses)) = (pass.paced, &self.responses) else {
            return Pace::Send;
        };
        match responses.pace(client, out, steady) {
            Pace::Send => Pace::Send,
            Pace::Slip if reply::cut(out, pass.cookie) => {
                count(&self.counts.slipped);
                Pace::Slip
            }
            Pace::Slip | Pace::Drop => {
                count(&self.counts.dropped);
                out.clear();
                Pace::Drop
            }
        }
    }

    /// What was kept off so far.
    #[must_use]
    pub fn counts(&self) -> Counted {
        self.counts.read()
    }

    #[cold]
    fn turn_away(&self, client: IpAddr, stream: bool) -> Arrival {
        if self.access.silent() {
            count(&self.counts.ignored);
            return Arrival::Drop;
        }
        count(&self.counts.refused);
        let pass = Pass {
            cookie: None,
            paced: self.responses.is_some() && !stream && !self.exempt.hold(client),
        };
        Arrival::Refuse(pass, Why::Stranger)
    }

    #[cold]
    fn slow_down(&self, pass: Pass, aware: bool, stream: bool, proved: bool) -> Arrival {
        count(&self.counts.limited);
        if stream {
            // Silence would leave a connection waiting for its time-out.
            return Arrival::Refuse(pass, Why::TooMany);
        }
        if aware && !proved {
            // RFC 7873 section 5.2.3: it may be the real owner of an address that others use.
            count(&self.counts.bad_cookies);
            return Arrival::BadCookie(pass);
        }
        Arrival::Drop
    }
}
