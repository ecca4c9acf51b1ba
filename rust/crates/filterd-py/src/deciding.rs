//! Snapshot and decision.

use std::sync::Arc;

use filterd_core::clients::NOWHERE;
use filterd_core::decide::{self, Person, Rewrite};
use filterd_core::matches::{Match, MatchKind, Matches};
use filterd_core::rdata::{name_to_text, name_to_wire};
use filterd_core::snapshot::{Asker, Snapshot as Core};
use filterd_index::Scope;
use pyo3::exceptions::{PyKeyError, PyValueError};
use pyo3::prelude::*;

use crate::rules::{parse_address, Index};

#[pyclass(frozen, module = "filterd._core", get_all)]
pub(crate) struct Decision {
    kind: &'static str,
    step: u8,
    class_id: i64,
    pattern: String,
    pattern_kind: &'static str,
    layer: u8,
    line: u32,
    group: String,
    action: &'static str,
    rcode: u8,
    cname: Option<String>,
    answers: Vec<(u16, String)>,
}

#[pyclass(frozen, module = "filterd._core")]
pub(crate) struct Snapshot(pub(crate) Arc<Core>);

/// The client fields of a question, before they are looked up.
struct Asking {
    asker: Asker,
    name: Option<String>,
    tags: Option<Vec<String>>,
}

impl Snapshot {
    /// Who asks: a named client brings its group and tags, `group` overrides the group.
    fn asking(
        &self,
        client: Option<&str>,
        group: Option<&str>,
        client_name: Option<String>,
        client_tags: Option<Vec<String>>,
    ) -> PyResult<Asking> {
        let address = client.map(parse_address).transpose()?;
        let mut asker = self.0.asker(address.unwrap_or(NOWHERE));
        asker.address = address;
        let mut tags = client_tags;
        if let Some(known) = client_name
            .as_deref()
            .and_then(|name| self.0.client_named(name))
        {
            asker.group = known.group;
            tags = tags.or_else(|| Some(known.tags.clone()));
        }
        if let Some(group) = group {
            asker.group = self
                .0
                .group_index(group)
                .ok_or_else(|| PyKeyError::new_err(format!("no group is called {group:?}")))?;
        }
        Ok(Asking {
            asker,
            name: client_name,
            tags,
        })
    }

    fn person<'a>(&'a self, asking: &'a Asking) -> Person<'a> {
        let mut person = self.0.person(&asking.asker);
        if asking.name.is_some() {
            person.name = asking.name.as_deref();
        }
        if let Some(tags) = &asking.tags {
            person.tags = tags;
        }
        person
    }

    fn line(&self, hit: &Match, pattern: &str) -> u32 {
        let Some(index) = self.0.index(hit.layer) else {
            return 0;
        };
        let class = hit.class - self.0.offset(hit.layer);
        let scope = match hit.kind {
            MatchKind::Exact => Scope::Exact,
            MatchKind::Subtree => Scope::Subtree,
            MatchKind::Below => Scope::Below,
            MatchKind::Regex => return index.regex_line(hit.pattern, class),
            MatchKind::Network => return index.network_line(hit.pattern, class),
        };
        // Lines that cannot be read leave the rule named all the same.
        index.line(pattern, scope, class).unwrap_or(0)
    }
}

fn wire_of(name: &str) -> PyResult<Vec<u8>> {
    name_to_wire(name).map_err(PyValueError::new_err)
}

#[pymethods]
impl Snapshot {
    #[new]
    fn new(py: Python<'_>, indexes: Vec<Py<Index>>, plan: &str, generation: u64) -> PyResult<Self> {
        let indexes = indexes
            .iter()
            .map(|index| Arc::clone(&index.get().0))
            .collect();
        let built = py.detach(|| Core::new(indexes, plan, generation));
        Ok(Self(Arc::new(built.map_err(PyValueError::new_err)?)))
    }

    #[getter]
    fn generation(&self) -> u64 {
        self.0.generation
    }

    #[pyo3(signature = (name, qtype, now, *, client = None, group = None, client_name = None, client_tags = None))]
    #[allow(clippy::too_many_arguments)] // keyword arguments of the Python call
    fn decide(
        &self,
        name: &str,
        qtype: u16,
        now: f64,
        client: Option<&str>,
        group: Option<&str>,
        client_name: Option<String>,
        client_tags: Option<Vec<String>>,
    ) -> PyResult<Decision> {
        let asking = self.asking(client, group, client_name, client_tags)?;
        let wire = wire_of(name)?;
        let mut found = Matches::new();
        self.0.match_name(&wire, &mut found);
        let person = self.person(&asking);
        let decision = self.0.decide_for(&found, &person, qtype, now as i64);
        Ok(self.describe(&decision, person.group, &wire))
    }

    #[pyo3(signature = (name, qtype, now, *, client = None, group = None, client_name = None, client_tags = None))]
    #[allow(clippy::too_many_arguments, clippy::type_complexity)] // one row of six plain fields
    fn matches(
        &self,
        name: &str,
        qtype: u16,
        now: f64,
        client: Option<&str>,
        group: Option<&str>,
        client_name: Option<String>,
        client_tags: Option<Vec<String>>,
    ) -> PyResult<Vec<(u16, u32, &'static str, String, u8, u32)>> {
        let asking = self.asking(client, group, client_name, client_tags)?;
        let wire = wire_of(name)?;
        let mut found = Matches::new();
        self.0.match_name(&wire, &mut found);
        let ranked = self
            .0
            .ranked(&found, &self.person(&asking), qtype, now as i64);
        let row = |(rank, hit): (u16, Match)| {
            let pattern = self.0.pattern_text(&hit, &wire);
            let line = self.line(&hit, &pattern);
            (rank, hit.class, hit.kind.word(), pattern, hit.layer, line)
        };
        Ok(ranked.into_iter().map(row).collect())
    }

    fn group_of(&self, client: &str) -> PyResult<&str> {
        let asker = self.0.asker(parse_address(client)?);
        Ok(&self.0.group(asker.group).name)
    }
}

impl Snapshot {
    fn describe(&self, decision: &decide::Decision<'_>, group: u16, wire: &[u8]) -> Decision {
        let (mut rcode, mut cname, mut answers) = (0, None, Vec::new());
        match &decision.rewrite {
            Some(Rewrite::Rcode(code)) => rcode = *code,
            Some(Rewrite::Cname(target)) => cname = Some(name_to_text(target)),
            Some(Rewrite::Records(records)) => {
                answers = records.iter().map(|r| (r.rtype, r.text.clone())).collect();
            }
            None => {}
        }
        let hit = decision.hit.as_ref();
        let pattern = hit.map_or_else(String::new, |hit| self.0.pattern_text(hit, wire));
        Decision {
            kind: decision.kind.word(),
            step: decision.step,
            class_id: hit.map_or(-1, |hit| i64::from(hit.class)),
            pattern_kind: hit.map_or("", |hit| hit.kind.word()),
            layer: hit.map_or(0, |hit| hit.layer),
            line: hit.map_or(0, |hit| self.line(hit, &pattern)),
            pattern,
            group: self.0.group(group).name.clone(),
            action: hit.map_or("", |_| decision.action.word()),
            rcode,
            cname,
            answers,
        }
    }
}
