// Package main holds the module that the registry is built from.
package main
