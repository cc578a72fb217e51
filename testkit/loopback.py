"""The exemption that tests need, whose servers are all on loopback: otherwise nobody is led there."""

from ipaddress import ip_network

from mlhops.api.destinations import Destinations

LOOPBACK = Destinations(networks=(ip_network("127.0.0.0/8"),))
