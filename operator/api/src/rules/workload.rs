//! Rules about the bundled server and its pods.

use super::{Rule, items, sizing::thresholds, when};
use crate::{
    path::Path,
    pod::{PodTemplate, TaintEffect, Toleration, TolerationOperator, Volume},
    service::ScaledServiceSpec,
    units::Duration,
    workload::ServerConfig,
};

pub(super) const RULES: [Rule; 14] = [
    Rule {
        cel: "!has(self.workload) || (duration(self.workload.config.requestTimeout) <= duration('1h') && \
              self.objectives.latency.all(l, duration(self.workload.config.requestTimeout) >= duration(l.threshold)))",
        message: "must be between the longest latency threshold and 1h: a request cut off before its threshold \
                  could never be in time",
        field: "workload.config.requestTimeout",
        broken_at: |spec| {
            config(spec, "requestTimeout", |config| {
                let timeout = config.request_timeout;
                timeout > Duration::from_secs(3600) || thresholds(spec).any(|threshold| timeout < threshold)
            })
        },
    },
    Rule {
        cel: "!has(self.workload) || !has(self.workload.config.queueDelay) || \
              duration(self.workload.config.queueDelay) <= duration(self.workload.config.requestTimeout)",
        message: "must not be longer than config.requestTimeout: lower queueDelay",
        field: "workload.config.queueDelay",
        broken_at: |spec| {
            config(spec, "queueDelay", |config| {
                config.queue_delay.is_some_and(|delay| delay > config.request_timeout)
            })
        },
    },
    Rule {
        cel: "!has(self.workload) || (duration(self.workload.config.connectionAge) >= duration('1s') && \
              duration(self.workload.config.connectionAge) <= duration('24h'))",
        message: "must be between 1s and 24h",
        field: "workload.config.connectionAge",
        broken_at: |spec| {
            config(spec, "connectionAge", |config| {
                let bounds = Duration::from_secs(1)..=Duration::from_secs(24 * 3600);
                !bounds.contains(&config.connection_age)
            })
        },
    },
    Rule {
        cel: "!has(self.workload) || self.objectives.latency.all(l, duration(self.workload.config.cost.cpu) + \
              duration(self.workload.config.cost.wait) <= duration(l.threshold))",
        message: "cpu and wait together must not exceed any latency threshold: the mean request would be late \
                  on an idle server",
        field: "workload.config.cost",
        broken_at: |spec| {
            config(spec, "cost", |config| {
                let cost = config.cost.cpu.get() + config.cost.wait.get();
                thresholds(spec).any(|threshold| cost > threshold.get())
            })
        },
    },
    Rule {
        // Rounded up to whole seconds: a duration made from a number costs more than the API server allows.
        cel: "!has(self.workload) || (duration(self.workload.config.drain.delay) + \
              duration(self.workload.config.drain.timeout) + duration('999ms')).getSeconds() <= \
              self.workload.pod.terminationGracePeriodSeconds",
        message: "must cover config.drain.delay and config.drain.timeout together (defaults 5s and 20s), or pods are \
                  killed with requests in flight: raise it or shorten the drain",
        field: "workload.pod.terminationGracePeriodSeconds",
        broken_at: |spec| {
            pod(spec, |pod, config| {
                let drain = config.drain.delay.get() + config.drain.timeout.get();
                let grace = Duration::from_secs(u64::from(pod.termination_grace_period_seconds));
                when(drain > grace.get(), "workload.pod.terminationGracePeriodSeconds")
            })
        },
    },
    Rule {
        cel: "!has(self.workload) || self.workload.pod.labels.all(k, \
              !k.startsWith('headroom.dev/') && !k.startsWith('app.kubernetes.io/'))",
        message: "labels under headroom.dev/ and app.kubernetes.io/ are set by the controller: remove this one",
        field: "workload.pod.labels",
        broken_at: |spec| {
            let reserved =
                |key: &str| key.starts_with("headroom.dev/") || key.starts_with("app.kubernetes.io/");
            pod(spec, |pod, _| {
                let keys = pod.labels.keys().filter(|key| reserved(key));
                keys.map(|key| Path::of("workload.pod.labels").key(key)).collect()
            })
        },
    },
    Rule {
        cel: "!has(self.workload) || self.workload.pod.annotations.all(k, !k.startsWith('headroom.dev/'))",
        message: "annotations under headroom.dev/ are set by the controller: remove this one",
        field: "workload.pod.annotations",
        broken_at: |spec| {
            pod(spec, |pod, _| {
                let keys = pod.annotations.keys().filter(|key| key.starts_with("headroom.dev/"));
                keys.map(|key| Path::of("workload.pod.annotations").key(key)).collect()
            })
        },
    },
    Rule {
        cel: "!has(self.workload) || !has(self.workload.pod.resources.requests.cpu) || \
              !has(self.workload.pod.resources.limits.cpu) || \
              quantity(string(self.workload.pod.resources.requests.cpu))\
              .compareTo(quantity(string(self.workload.pod.resources.limits.cpu))) <= 0",
        message: "must not exceed resources.limits.cpu: raise the limit, lower the request, or give no limit",
        field: "workload.pod.resources.requests.cpu",
        broken_at: |spec| {
            pod(spec, |pod, _| {
                let (request, limit) = (pod.resources.requests.cpu, pod.resources.limits.cpu);
                let above = request.zip(limit).is_some_and(|(request, limit)| request > limit);
                when(above, "workload.pod.resources.requests.cpu")
            })
        },
    },
    Rule {
        cel: "!has(self.workload) || !has(self.workload.pod.resources.requests.memory) || \
              !has(self.workload.pod.resources.limits.memory) || \
              quantity(string(self.workload.pod.resources.requests.memory))\
              .compareTo(quantity(string(self.workload.pod.resources.limits.memory))) <= 0",
        message: "must not exceed resources.limits.memory: raise the limit or lower the request",
        field: "workload.pod.resources.requests.memory",
        broken_at: |spec| {
            pod(spec, |pod, _| {
                let (request, limit) = (pod.resources.requests.memory, pod.resources.limits.memory);
                let above = request.zip(limit).is_some_and(|(request, limit)| request > limit);
                when(above, "workload.pod.resources.requests.memory")
            })
        },
    },
    Rule {
        cel: "!has(self.workload) || self.workload.pod.tolerations.all(t, t.operator != 'Exists' || !has(t.value))",
        message: "operator Exists compares no value: remove value or choose operator Equal",
        field: "workload.pod.tolerations",
        broken_at: |spec| {
            tolerations(spec, "value", |toleration| {
                toleration.operator == TolerationOperator::Exists && toleration.value.is_some()
            })
        },
    },
    Rule {
        cel: "!has(self.workload) || self.workload.pod.tolerations.all(t, t.operator != 'Equal' || has(t.key))",
        message: "operator Equal needs a key: give key, or choose operator Exists to tolerate every taint",
        field: "workload.pod.tolerations",
        broken_at: |spec| {
            tolerations(spec, "key", |toleration| {
                toleration.operator == TolerationOperator::Equal && toleration.key.is_none()
            })
        },
    },
    Rule {
        cel: "!has(self.workload) || self.workload.pod.tolerations.all(t, \
              !has(t.tolerationSeconds) || (has(t.effect) && t.effect == 'NoExecute'))",
        message: "has a meaning only with effect NoExecute: remove tolerationSeconds or set effect: NoExecute",
        field: "workload.pod.tolerations",
        broken_at: |spec| {
            tolerations(spec, "tolerationSeconds", |toleration| {
                toleration.toleration_seconds.is_some() && toleration.effect != Some(TaintEffect::NoExecute)
            })
        },
    },
    Rule {
        cel: "!has(self.workload) || self.workload.pod.volumes.all(v, has(v.configMap) != has(v.secret))",
        message: "give exactly one of configMap and secret",
        field: "workload.pod.volumes",
        broken_at: |spec| {
            let one = |_, volume: &Volume| volume.config_map.is_some() == volume.secret.is_some();
            pod(spec, |pod, _| {
                items(&pod.volumes, |index| Path::of("workload.pod.volumes").index(index), one)
            })
        },
    },
    Rule {
        cel: "!has(self.workload) || self.workload.pod.volumes.all(a, \
              self.workload.pod.volumes.exists_one(b, a.mountPath == b.mountPath))",
        message: "no two volumes may have the same mountPath: choose another one",
        field: "workload.pod.volumes",
        broken_at: |spec| {
            pod(spec, |pod, _| {
                let volumes = &pod.volumes;
                let repeated = |index, volume: &Volume| {
                    volumes[..index].iter().any(|earlier| earlier.mount_path == volume.mount_path)
                };
                items(
                    volumes,
                    |index| Path::of("workload.pod.volumes").index(index).key("mountPath"),
                    repeated,
                )
            })
        },
    },
];

/// A field of the server's configuration, when it breaks the rule.
fn config(spec: &ScaledServiceSpec, field: &str, broken: impl Fn(&ServerConfig) -> bool) -> Vec<Path> {
    let broken = spec.workload.as_ref().is_some_and(|workload| broken(&workload.config));
    when(broken, &format!("workload.config.{field}"))
}

/// What the rule says of the pods; nothing without a workload.
fn pod(spec: &ScaledServiceSpec, broken_at: impl Fn(&PodTemplate, &ServerConfig) -> Vec<Path>) -> Vec<Path> {
    spec.workload.as_ref().map(|workload| broken_at(&workload.pod, &workload.config)).unwrap_or_default()
}

/// The tolerations that break the rule, at this field.
fn tolerations(spec: &ScaledServiceSpec, field: &str, broken: impl Fn(&Toleration) -> bool) -> Vec<Path> {
    pod(spec, |pod, _| {
        let place = |index| Path::of("workload.pod.tolerations").index(index).key(field);
        items(&pod.tolerations, place, |_, toleration| broken(toleration))
    })
}
