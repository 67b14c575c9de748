//! Programs built from Go modules: each folder of `e2e/tools` with a go.mod names its programs in `tool` lines. What is
//! built is kept outside the checkout and found again by the sums of the modules, so a second run builds nothing.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail, ensure};

use super::command::{find, output};
use super::place::{Place, fnv1a, make_folder};
use super::progress::Progress;

/// A folder of `e2e/tools`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tool {
    /// The components of Kubernetes, and kubectl.
    Kubernetes,
    /// The API server's store.
    Etcd,
    /// The package installer.
    Helm,
    /// The validator of manifests.
    Kubeconform,
    /// Clusters in Docker containers.
    Kind,
}

impl Tool {
    const fn folder(self) -> &'static str {
        match self {
            Self::Kubernetes => "kubernetes",
            Self::Etcd => "etcd",
            Self::Helm => "helm",
            Self::Kubeconform => "kubeconform",
            Self::Kind => "kind",
        }
    }

    /// The folder with its programs, which are built first where they are missing.
    pub fn ensure(self, place: &Place, progress: &Progress) -> anyhow::Result<PathBuf> {
        let source = place.checkout().join("e2e/tools").join(self.folder());
        let modules = Modules::read(&source)?;
        let flags = self.linker_flags(place, &modules)?;
        let cache = cache_folder()?;
        make_folder(&cache)?;
        let key = fnv1a(&[modules.file.as_bytes(), modules.sums.as_bytes(), flags.as_bytes()]);
        let built = cache.join(format!("{}-{key:016x}", self.folder()));
        if built.is_dir() {
            return Ok(built);
        }
        // One build at a time on a machine: two would only slow each other, and may be the same one.
        let turn = File::open(&cache).context("can't open the cache folder")?;
        turn.lock().context("can't lock the cache folder")?;
        if !built.is_dir() {
            let what = format!("build {} with Go (once; takes minutes)", self.folder());
            progress.say(&format!("         {what}"));
            progress.step(&what, || build(&source, &flags, &cache, &built))?;
        }
        Ok(built)
    }

    /// Without its version in it, an API server calls itself v0.0.0 and clients misjudge what it can do.
    fn linker_flags(self, place: &Place, modules: &Modules) -> anyhow::Result<String> {
        let kubernetes = |modules: &Modules| modules.version("k8s.io/kubernetes");
        let stamps = match self {
            Self::Kubernetes => {
                let version = kubernetes(modules)?;
                let (major, minor) = major_minor(&version)?;
                let of = |package: &str| {
                    format!(
                        "-X {package}.gitVersion={version} -X {package}.gitMajor={major} -X {package}.gitMinor={minor} \
                         -X {package}.gitTreeState=clean"
                    )
                };
                format!("{} {}", of("k8s.io/component-base/version"), of("k8s.io/client-go/pkg/version"))
            }
            Self::Helm => {
                let version = modules.version("helm.sh/helm/v3")?;
                let kubernetes = kubernetes(&Modules::read(&place.checkout().join("e2e/tools/kubernetes"))?)?;
                let (major, minor) = major_minor(&kubernetes)?;
                // What `helm template` and `helm lint` take for the cluster's version.
                let of = |package: &str| {
                    format!("-X {package}.k8sVersionMajor={major} -X {package}.k8sVersionMinor={minor}")
                };
                let (lint, chart) =
                    (of("helm.sh/helm/v3/pkg/lint/rules"), of("helm.sh/helm/v3/pkg/chartutil"));
                format!("-X helm.sh/helm/v3/internal/version.version={version} {lint} {chart}")
            }
            Self::Etcd | Self::Kubeconform | Self::Kind => String::new(),
        };
        Ok(format!("-s -w {stamps}").trim_end().to_owned())
    }
}

fn build(source: &Path, flags: &str, cache: &Path, built: &Path) -> anyhow::Result<()> {
    // A half-built folder never has the final name.
    let unfinished = tempfile::Builder::new().prefix("unfinished-").tempdir_in(cache)?;
    let packages = output(go(source)?.args(["list", "tool"]))?;
    ensure!(!packages.trim().is_empty(), "{} has no tool line", source.join("go.mod").display());
    for package in packages.lines() {
        let file = unfinished.path().join(program_name(package));
        let mut build = go(source)?;
        build.args(["build", "-p", "2", "-trimpath", "-buildvcs=false", "-ldflags", flags, "-o"]);
        output(build.arg(file).arg(package))
            .context("the build failed; the first one downloads modules from GOPROXY")?;
    }
    fs::rename(unfinished.keep(), built).with_context(|| format!("can't make {}", built.display()))
}

/// `${XDG_CACHE_HOME:-$HOME/.cache}/headroom/tools`.
pub fn cache_folder() -> anyhow::Result<PathBuf> {
    let named = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let cache = named("XDG_CACHE_HOME").or_else(|| Some(named("HOME")?.join(".cache")));
    Ok(cache
        .context("neither XDG_CACHE_HOME nor HOME is set: where can built programs be kept?")?
        .join("headroom/tools"))
}

/// What a tool's folder holds.
#[derive(Debug)]
struct Modules {
    file: String,
    sums: String,
}

impl Modules {
    fn read(folder: &Path) -> anyhow::Result<Self> {
        let read = |name: &str| {
            let path = folder.join(name);
            fs::read_to_string(&path).with_context(|| format!("can't read {}", path.display()))
        };
        Ok(Self { file: read("go.mod")?, sums: read("go.sum")? })
    }

    /// The version that is required of a module.
    fn version(&self, module: &str) -> anyhow::Result<String> {
        let lines = self.file.lines().map(|line| line.trim_start().trim_start_matches("require "));
        let mut versions =
            lines.filter_map(|line| line.strip_prefix(module)?.strip_prefix(' ')?.split(' ').next());
        versions.next().map(str::to_owned).with_context(|| format!("go.mod requires no {module}"))
    }
}

fn major_minor(version: &str) -> anyhow::Result<(&str, &str)> {
    let mut parts = version.trim_start_matches('v').split('.');
    parts.next().zip(parts.next()).with_context(|| format!("{version} is no version"))
}

/// What Go would call it, but etcd's server, which it would call `server`.
fn program_name(package: &str) -> &str {
    let is_major = |part: &str| part.strip_prefix('v').is_some_and(|rest| rest.parse::<u32>().is_ok());
    match package {
        "go.etcd.io/etcd/server/v3" => "etcd",
        _ => package.rsplit('/').find(|part| !is_major(part)).unwrap_or(package),
    }
}

fn go(folder: &Path) -> anyhow::Result<Command> {
    let Some(program) = find("go") else {
        bail!(
            "Go is missing: install Go 1.26 or later from https://go.dev/dl, it builds Kubernetes for the tests"
        );
    };
    let mut go = Command::new(program);
    // Flags of the user's own don't belong in what is found again by the flags above.
    go.current_dir(folder).env("CGO_ENABLED", "0").env("GOFLAGS", "").env("GOWORK", "off");
    Ok(go)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_come_from_go_mod() {
        let file =
            "require helm.sh/helm/v3 v3.22.0\n\nrequire (\n\tk8s.io/kubernetes v1.34.4 // indirect\n)\n";
        let modules = Modules { file: file.to_owned(), sums: String::new() };
        assert_eq!(modules.version("helm.sh/helm/v3").unwrap(), "v3.22.0");
        assert_eq!(major_minor(&modules.version("k8s.io/kubernetes").unwrap()).unwrap(), ("1", "34"));
        assert!(modules.version("k8s.io/kube").is_err());
    }

    #[test]
    fn every_tool_has_its_modules_and_flags() {
        let place = Place::of_this_checkout();
        for tool in [Tool::Kubernetes, Tool::Etcd, Tool::Helm, Tool::Kubeconform, Tool::Kind] {
            let folder = place.checkout().join("e2e/tools").join(tool.folder());
            let flags = tool.linker_flags(&place, &Modules::read(&folder).unwrap()).unwrap();
            assert!(flags.starts_with("-s -w"), "{flags}");
        }
    }

    #[test]
    fn programs_are_called_as_users_call_them() {
        assert_eq!(program_name("k8s.io/kubernetes/cmd/kubectl"), "kubectl");
        assert_eq!(program_name("go.etcd.io/etcd/server/v3"), "etcd");
        assert_eq!(program_name("sigs.k8s.io/kind"), "kind");
    }
}
