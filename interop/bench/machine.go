package main

import (
	"bufio"
	"cmp"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"strings"
)

// machine describes the machine of a run, without names of hosts and paths.
type machine struct {
	CPU, Kernel, Go, Pinned string
	CPUs                    int
	Versions                []string // of the compared libraries
}

func thisMachine() machine {
	m := machine{CPU: cpuModel(), Kernel: kernelVersion(), Go: runtime.Version(), CPUs: cpuCount(), Pinned: "one CPU (taskset)"}
	if _, err := exec.LookPath("taskset"); err != nil {
		m.Pinned = "not pinned, because taskset was missing; the ratios vary more"
	}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, dep := range info.Deps {
			for _, compared := range []string{"go-multistream", "yamux", "quic-go/quic-go"} {
				if strings.Contains(dep.Path, compared) {
					m.Versions = append(m.Versions, dep.Path+" "+dep.Version)
				}
			}
		}
	}
	for _, f := range foreigners {
		m.Versions = append(m.Versions, f.name+": "+f.library)
	}
	return m
}

// cpuModel returns the model of the first CPU, or the architecture.
func cpuModel() string { return cmp.Or(cpuInfo("model name"), runtime.GOARCH) }

func cpuInfo(key string) string {
	f, err := os.Open("/proc/cpuinfo")
	if err != nil {
		return ""
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if name, value, ok := strings.Cut(lines.Text(), ":"); ok && strings.TrimSpace(name) == key {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// cpuCount returns the number of all CPUs, of which this process may use only one.
func cpuCount() int {
	info, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return runtime.NumCPU()
	}
	return max(1, strings.Count("\n"+string(info), "\nprocessor\t"))
}

// kernelVersion returns the version number of the kernel, without the suffix of a
// distribution.
func kernelVersion() string {
	release, err := os.ReadFile("/proc/sys/kernel/osrelease")
	if err != nil {
		return runtime.GOOS
	}
	version, _, _ := strings.Cut(strings.TrimSpace(string(release)), "-")
	return "Linux " + version
}
