"""Names of metabolites: synonyms, pairs known to go together, and foreign substances.

Sources of the pairs:

* Fatty acids in plasma are set free together from the fat of adipose tissue: Mittendorfer
  et al. (2003), Diabetes 52, 1641 (myristate, palmitate, stearate, oleate, linoleate); Karpe,
  Dickmann & Frayn (2011), Diabetes 60, 2441.
* Leucine, isoleucine and valine share transport and the first two steps of degradation, and
  lie with phenylalanine and tyrosine on one principal component: Newgard et al. (2009), Cell
  Metab. 9, 311. Their keto acids come from the same transaminase.
* Tyrosine is made of phenylalanine; malate and fumarate, pyruvate and lactate each are in
  exchange by one enzyme: Krumsiek et al. (2011), BMC Syst. Biol. 5, 21, on correlations that
  mirror reactions.

A pair of this list need not be strongly correlated in every table: tyrosine and
phenylalanine reach 0.4 only among the patients of covid-plasma. The check asks for several.
"""

import re
from itertools import combinations

__all__ = ["ARTEFACTS", "DRUGS", "KNOWN_PAIRS", "SYNONYMS", "plain_name"]

SYNONYMS: dict[str, tuple[str, ...]] = {
    "myristate": ("myristic acid", "tetradecanoic acid", "tetradecanoate", "c14:0", "fa 14:0"),
    "palmitate": ("palmitic acid", "hexadecanoic acid", "hexadecanoate", "c16:0", "fa 16:0"),
    "stearate": ("stearic acid", "octadecanoic acid", "octadecanoate", "c18:0", "fa 18:0"),
    "palmitoleate": (
        "palmitoleic acid",
        "9-hexadecenoic acid",
        "cis-9-hexadecenoic acid",
        "hexadecenoic acid",
        "c16:1",
        "fa 16:1",
    ),
    "oleate": (
        "oleic acid",
        "olic acid",
        "oleate/vaccenate",
        "9-octadecenoic acid",
        "cis-9-octadecenoic acid",
        "octadecenoic acid",
        "c18:1",
        "fa 18:1",
    ),
    "linoleate": (
        "linoleic acid",
        "9,12-octadecadienoic acid",
        "9,12-octadecadienoic acid (z,z)-",
        "octadecadienoic acid",
        "c18:2",
        "fa 18:2",
    ),
    "leucine": ("leu",),
    "isoleucine": ("ile",),
    "valine": ("val",),
    "tyrosine": ("tyr",),
    "phenylalanine": ("phe",),
    "3-methyl-2-oxovalerate": (
        "3-methyl-2-oxovaleric acid",
        "2-oxo-3-methyl-pentanoic acid",
        "3-methyl-2-oxopentanoic acid",
        "2-keto-3-methylvaleric acid",
    ),
    "4-methyl-2-oxopentanoate": (
        "ketoleucine",
        "2-oxo-4-methylvaleric acid",
        "4-methyl-2-oxopentanoic acid",
        "4-methyl-2-oxovaleric acid",
        "alpha-ketoisocaproic acid",
        "2-ketoisocaproic acid",
        "2-oxoisocaproic acid",
    ),
    "3-methyl-2-oxobutyrate": (
        "3-methyl-2-oxobutyric acid",
        "3-methyl-2-oxo-butanoic acid",
        "3-methyl-2-oxobutanoic acid",
        "alpha-ketoisovaleric acid",
        "2-ketoisovaleric acid",
        "2-oxoisovaleric acid",
    ),
    "malate": ("malic acid",),
    "fumarate": ("fumaric acid",),
    "pyruvate": ("pyruvic acid",),
    "lactate": ("lactic acid",),
}
"""Each name with others for the same substance, in lower case."""

_FREED_TOGETHER = ("myristate", "palmitate", "stearate", "palmitoleate", "oleate", "linoleate")
_BRANCHED = ("leucine", "isoleucine", "valine")
_BRANCHED_KETO_ACIDS = (
    "3-methyl-2-oxovalerate",
    "4-methyl-2-oxopentanoate",
    "3-methyl-2-oxobutyrate",
)
KNOWN_PAIRS: tuple[tuple[str, str], ...] = (
    *combinations(_FREED_TOGETHER, 2),
    *combinations(_BRANCHED, 2),
    *combinations(_BRANCHED_KETO_ACIDS, 2),
    ("phenylalanine", "tyrosine"),
    ("fumarate", "malate"),
    ("lactate", "pyruvate"),
)
"""Pairs that are expected to correlate within a class."""

_KNOWN = {other: name for name, others in SYNONYMS.items() for other in (name, *others)}
_TAIL = re.compile(
    r"\s*(,?\s*\d?\s*-?tms\b.*|\((fa )?c?\d\d:\d(n-?\d|\s*\(n-?\d\))?[^)]*\)|\*+|\[\d\])\s*$"
)


def plain_name(name: str) -> str | None:
    """Return the one name of the table that a metabolite's name means, or None.

    Case, a leading ``L-``, ``(R)-`` or ``DL-``, a chain length in brackets, and TMS are
    looked past.

    Examples
    --------
    >>> plain_name("Hexadecanoic acid"), plain_name("L-Leucine"), plain_name("stearate (18:0)")
    ('palmitate', 'leucine', 'stearate')
    >>> plain_name("N-acetylleucine") is None
    True
    """
    text = " ".join(name.lower().replace("_", " ").split())
    for candidate in (text, _TAIL.sub("", text)):
        bare = re.sub(r"^(d,?l|l|\([rs+-]\))-", "", candidate)
        if bare in _KNOWN:
            return _KNOWN[bare]
    return None


DRUGS = (
    r"\b(acetaminophen|paracetamol|ibuprofen|naproxen|diclofenac|aspirin|acetylsalicylic|"
    r"salicyluric|metformin|omeprazole|pantoprazole|esomeprazole|lansoprazole|metoprolol|"
    r"atenolol|bisoprolol|propranolol|losartan|valsartan|lisinopril|ramipril|enalapril|"
    r"amlodipine|furosemide|hydrochlorothiazide|warfarin|clopidogrel|atorvastatin|simvastatin|"
    r"rosuvastatin|levothyroxine|tamoxifen|anastrozole|letrozole|doxorubicin|cisplatin|"
    r"dexamethasone|prednisone|prednisolone|remdesivir|hydroxychloroquine|azithromycin|"
    r"amoxicillin|ciprofloxacin|doxycycline|gabapentin|pregabalin|citalopram|escitalopram|"
    r"sertraline|fluoxetine|quetiapine|diazepam|lorazepam|morphine|codeine|tramadol|fentanyl|"
    r"oxycodone|lidocaine|propofol|midazolam|ketamine|cetirizine|loratadine|diphenhydramine|"
    r"ranitidine|famotidine|allopurinol|oxypurinol|caffeine|nicotine|cotinine|edta)\b"
)
"""Common drugs and stimulants, as whole words: a short list, not a pharmacopoeia."""

ARTEFACTS = (
    r"\b(\d*tms|\d*tbdms|trimethylsilyl\w*|\w*silox\w*|\w*disilaoctane|\w*silane|phthalate\w*|"
    r"phthalic|bipyrid\w+|dipyrid\w+|di-tert-butylphenol|2,4-di-tert-butylphenol|bisphenol|"
    r"polyethylene|peg\d*|perfluoro\w+|triton|tween|erucamide|oleamide|mstfa|bstfa|"
    r"methoxyamine)\b"
)
"""Silylation reagents and derivatives, column bleed, plasticisers, detergents."""
