"""`workers.evaluation MODEL_FOLDER DATASET_FOLDER SPEC MEMORY`: SPEC is an EvaluationSpec in JSON, with a context that is a
number of tokens; MEMORY is what the child may take, in bytes.
"""

import json
import sys
from pathlib import Path

import torch

from workers import channel
from workers.contracts import EvaluationSpec, Failure, FailureCode
from workers.evaluation.model import check_memory
from workers.evaluation.perplexity import evaluate
from workers.evaluation.reporting import Reporter
from workers.refusals import Refused, first_line


def main() -> None:
    """Measure, and tell the worker how far it is, what came of it, or why nothing did."""
    line = channel.inherited()
    model, dataset, spec = Path(sys.argv[1]), Path(sys.argv[2]), EvaluationSpec.from_json(json.loads(sys.argv[3]))
    try:
        check_memory(model, int(sys.argv[4]))
        line.send({"type": "result", "result": evaluate(model, dataset, spec, Reporter(line))})
    except Refused as refused:
        line.send({"type": "failed", "failure": refused.failure.to_json()})
    except (torch.cuda.OutOfMemoryError, MemoryError) as error:
        line.send(
            {"type": "failed", "failure": Failure(FailureCode.TOO_LARGE, {"detail": first_line(error)}).to_json()}
        )


if __name__ == "__main__":
    main()
