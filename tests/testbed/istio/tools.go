//go:build programs

// Package istio names the programs of a real mesh that the testbed builds, so that go.mod keeps their modules.
package istio

import (
	_ "istio.io/istio/pilot/cmd/pilot-agent"
	_ "istio.io/istio/pilot/cmd/pilot-discovery"
)
