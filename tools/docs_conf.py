# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What Sphinx is told about the documentation's site. Copied beside the pages as ``conf.py`` by ``make docs``."""

project = "ossm.federation"
copyright = "the ossm.federation maintainers, GPL-3.0-or-later"  # the name that Sphinx reads
extensions = ["myst_parser", "sphinx.ext.intersphinx", "sphinx_antsibull_ext"]
intersphinx_mapping = {"ansible": ("https://docs.ansible.com/ansible/latest/", "ansible.inv")}
root_doc = "index"
exclude_patterns = ["build"]
myst_heading_anchors = 4
myst_enable_extensions = ["colon_fence"]
# What is linked to by an address is not fetched while building.
myst_url_schemes = ["http", "https", "mailto"]
pygments_style = "ansible"
highlight_language = "text"
html_theme = "furo"
html_title = "ossm.federation"
html_show_sphinx = False
html_copy_source = False
html_use_index = False
default_role = "any"
