//! Calls to other services: a pool of connections with bounds, what goes along with a request, and a circuit breaker.
//! Each is a tower service or layer of its own; together they are
//!
//! ```
//! use std::time::Duration;
//!
//! use axum::body::Body;
//! use axum::response::{IntoResponse, Response};
//! use headroom_workload::upstream::{Breaker, BreakerLayer, BreakerRules, PassOnLayer, Pool, PoolSettings};
//! use http::Request;
//! use tower::{ServiceBuilder, ServiceExt as _};
//!
//! async fn in_stock(breaker: Breaker, pool: Pool, item: Request<Body>) -> Response {
//!     let stock = ServiceBuilder::new()
//!         .layer(BreakerLayer::http(breaker))
//!         .layer(PassOnLayer::new(Duration::from_secs(1)))
//!         .service(pool);
//!     match stock.oneshot(item).await {
//!         Ok(answer) => answer.map(Body::new),
//!         Err(error) => error.into_response(),
//!     }
//! }
//!
//! let breaker = Breaker::named("stock", BreakerRules::default());
//! let pool = Pool::new("stock", PoolSettings::default());
//! # let _ = (in_stock, breaker, pool);
//! ```

mod breaker;
mod checkout;
mod connection;
mod pass_on;
mod pool;
mod registry;
mod settle;

pub use breaker::{
    Breaker, BreakerError, BreakerLayer, BreakerOpen, BreakerRules, BreakerState, Call, CallResult, Fallback,
    Guarded, NoFallback,
};
pub use pass_on::{PassOn, PassOnError, PassOnLayer};
pub use pool::{Pool, PoolError, PoolSettings, PooledBody};

pub(crate) use breaker::FailedByBreaker;
pub(crate) use registry::{Seen, seen};
pub(crate) use settle::Settlement;
