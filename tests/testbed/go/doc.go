// Package testbed names the programs that the testbed builds; see tools.go.
package testbed
