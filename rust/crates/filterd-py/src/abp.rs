//! Rules of ABP syntax for URLs.

use std::path::Path;

use filterd_abp::{self as abp, Error, Match, Request};
use pyo3::exceptions::{PyOSError, PyRuntimeError, PyValueError};
use pyo3::prelude::*;

type Row = (u32, String, &'static str);
type RowWithLine = (u32, String, &'static str, u32);
/// Class, rules, cosmetic, comments, and what is unsupported by its word.
type Counted = (u32, u64, u64, u64, std::collections::BTreeMap<String, u64>);

#[pyclass(frozen, module = "filterd._core")]
pub(crate) struct Abp(abp::Abp);

#[allow(clippy::needless_pass_by_value)] // for map_err
fn to_python(error: Error) -> PyErr {
    match &error {
        Error::Io { path, source } => {
            let path = path.to_string_lossy().into_owned();
            match source.raw_os_error() {
                Some(code) => PyOSError::new_err((code, source.to_string(), path)),
                None => PyOSError::new_err(error.to_string()),
            }
        }
        Error::Failed => PyRuntimeError::new_err(error.to_string()),
        _ => PyValueError::new_err(error.to_string()),
    }
}

fn row(found: Match) -> Row {
    (found.class, found.rule, found.kind.as_str())
}

#[pymethods]
impl Abp {
    #[staticmethod]
    #[pyo3(signature = (lists, *, sealed = None))]
    #[allow(clippy::needless_pass_by_value)] // pyo3 hands vectors over
    fn build(
        py: Python<'_>,
        lists: Vec<(Vec<u8>, u32)>,
        sealed: Option<Vec<u32>>,
    ) -> PyResult<Self> {
        let lists: Vec<_> = lists
            .iter()
            .map(|(data, class)| abp::List {
                data,
                class: *class,
            })
            .collect();
        let built = py.detach(|| abp::Abp::build(&lists, sealed.as_deref().unwrap_or_default()));
        built.map(Self).map_err(to_python)
    }

    #[staticmethod]
    fn open(py: Python<'_>, path: &str) -> PyResult<Self> {
        let opened = py.detach(|| abp::Abp::open(Path::new(path)));
        opened.map(Self).map_err(to_python)
    }

    fn save(&self, py: Python<'_>, path: &str) -> PyResult<()> {
        py.detach(|| self.0.save(Path::new(path)))
            .map_err(to_python)
    }

    #[pyo3(signature = (url, source_url, request_type, *, method = "GET", only = None))]
    #[allow(clippy::needless_pass_by_value)] // pyo3 hands vectors over
    fn check(
        &self,
        url: &str,
        source_url: Option<&str>,
        request_type: &str,
        method: &str,
        only: Option<Vec<u32>>,
    ) -> PyResult<Option<Row>> {
        let request = Request {
            url,
            source_url,
            request_type,
            method,
        };
        let found = self.0.check(&request, only.as_deref()).map_err(to_python)?;
        Ok(found.map(row))
    }

    #[pyo3(signature = (url, source_url, request_type, *, method = "GET", only = None))]
    #[allow(clippy::needless_pass_by_value)] // pyo3 hands vectors over
    fn matches(
        &self,
        url: &str,
        source_url: Option<&str>,
        request_type: &str,
        method: &str,
        only: Option<Vec<u32>>,
    ) -> PyResult<Vec<RowWithLine>> {
        let request = Request {
            url,
            source_url,
            request_type,
            method,
        };
        let found = self.0.matches(&request, only.as_deref());
        let rows = found.map_err(to_python)?.into_iter();
        Ok(rows
            .map(|found| (found.class, found.rule, found.kind.as_str(), found.line))
            .collect())
    }

    #[getter]
    fn counts(&self) -> Vec<Counted> {
        let counts = self.0.counts().iter().cloned();
        counts
            .map(|c| (c.class, c.rules, c.cosmetic, c.comments, c.unsupported))
            .collect()
    }
}
