"""The public names of this package, for editors and type checkers: those of HOMES in __init__.py."""

from .init.init import write_config as write_config
from .pages.analysis import Analysis as Analysis
from .project.config import load_config as load_config
from .project.project import open_log as open_log
from .stages.train import train_breach_risk as train_breach_risk
