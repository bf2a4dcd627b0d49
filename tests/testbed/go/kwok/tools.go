//go:build programs

// Package kwok names kwok, so that go.mod keeps its modules.
package kwok

import (
	_ "sigs.k8s.io/kwok/cmd/kwok"
)
