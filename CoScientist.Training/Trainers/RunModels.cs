using CoScientist.Core.Grading.PaperProtocol;
using CoScientist.Core.Runs;
using CoScientist.Training.Checkpoints;
using CoScientist.Training.Engines;
using CoScientist.Training.Kernels;
using CoScientist.Training.Protocols;
using CoScientist.Training.Sandbox;

namespace CoScientist.Training.Trainers;

/// <summary>Models that are evaluated where nothing is trained.</summary>
/// <param name="Folders">Their folders. One that is not there yet, because base and adapter make it, has the shape of the run's model.</param>
/// <param name="Remedy">What to do when they do not fit into the memory.</param>
internal sealed record EvaluatedModels(IReadOnlyList<string> Folders, string Remedy);

/// <summary>The models of a run and the roles they play: policy, reference, grader, judge. All share one pool of threads.</summary>
internal sealed class RunModels : IDisposable
{
    // As many as a model server's client has under way for one batch.
    private const int ServerRequests = 4;

    private readonly TrainingRunRequest request;
    private readonly RunSpec spec;
    private readonly EngineOptions options;
    private readonly Dictionary<string, IPolicyEngine> frozen = new(StringComparer.Ordinal);
    private readonly EvaluatedModels? evaluated;

    /// <param name="request">The run.</param>
    /// <param name="data">Its goals.</param>
    /// <param name="evaluated">The models that are evaluated, where nothing is trained; null for a run that trains.</param>
    /// <exception cref="InvalidDataException">A model is unusable, or all of them need more memory than there is.</exception>
    public RunModels(TrainingRunRequest request, RunData data, EvaluatedModels? evaluated = null)
    {
        (this.request, this.evaluated, spec) = (request, evaluated, request.Spec);
        options = RunMemory.OptionsOf(spec);
        Pool = new WorkerPool(spec.Threads, request.GivesWay);
        try
        {
            var (config, tokenizer) = CheckpointFolder.Open(request.ModelDirectory);
            Protocol = spec.Data.Sandbox ? new CompactProtocol(tokenizer) : new PaperPlanProtocol(ChatFormat.Load(request.ModelDirectory, tokenizer, config.VocabularySize));
            var available = MachineMemory.AvailableBytes;
            var memory = RunMemory.Of(spec, data, config, Protocol, [.. Readers().Select(directory => Directory.Exists(directory) ? CheckpointFolder.Open(directory).Config : config)], Pool.Threads, available, trains: evaluated is null);
            if (evaluated is null && !IsTorch)
            {
                memory.Require(available, spec);
            }
            else if (evaluated is not null)
            {
                memory.RequireReading(available, evaluated.Remedy);
            }

            options = options with { CacheBytes = memory.CacheBytes };
            Memory = IsTorch ? "TorchSharp computes; memory is taken as it is needed." : memory.Describe(available);
            Grader = GraderOf(spec.Grader, request.Grader);
            Judge = GraderOf(spec.Judge, request.Judge);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>The threads.</summary>
    public WorkerPool Pool { get; }

    /// <summary>What they were expected to take when they were loaded, in a sentence.</summary>
    public string Memory { get; }

    /// <summary>How policies are asked for plans.</summary>
    public IPlanProtocol Protocol { get; }

    /// <summary>Gives the reward.</summary>
    public IPlanGrader Grader { get; }

    /// <summary>Watches, picks the checkpoint and reports.</summary>
    public IPlanGrader Judge { get; }

    /// <summary>The policy as the run begins or was saved. An adapter goes on the initial weights; its own state comes with the optimizer's.</summary>
    /// <param name="saved">Folder of the saved checkpoint; null at the beginning.</param>
    public IPolicyEngine Policy(string? saved)
    {
        var directory = saved is not null && spec.Lora.Rank == 0 ? saved : request.ModelDirectory;
        if (IsTorch)
        {
            return OptionalEngines.LoadTorch(directory, options);
        }

        var policy = CpuEngine.Load(directory, Pool, options);
        if (RunMemory.AdapterOf(spec) is { } adapter)
        {
            policy.AddLora(adapter);
        }

        return policy;
    }

    /// <summary>The initial policy: its frozen copy, or the policy itself with its adapter switched off; null when no method asks for it.</summary>
    public ReferencePolicy? Reference(IPolicyEngine policy)
    {
        if (!NeedsReference)
        {
            return null;
        }

        if (policy is not CpuEngine { Lora: not null } adapted)
        {
            return Frozen(request.ModelDirectory).LogProbabilities;
        }

        return (groups, options, cancellationToken) =>
        {
            adapted.AdapterEnabled = false;
            try
            {
                return adapted.LogProbabilities(groups, options, cancellationToken);
            }
            finally
            {
                adapted.AdapterEnabled = true;
            }
        };
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var engine in frozen.Values)
        {
            engine.Dispose();
        }

        Pool.Dispose();
    }

    private bool IsTorch => spec.Engine.Kind == RunEngine.Torch;

    private bool NeedsReference => spec.Parts().Any(part => part.Method == "dpo" || (part.Method == "grpo" && spec.Grpo.KlCoefficient > 0));

    private IPlanGrader GraderOf(string name, GradingModel model)
    {
        if (name == RunSpec.Oracle)
        {
            return new OracleGrader(SandboxWorld.Default);
        }

        if (model.Server is { } server)
        {
            return new PaperPlanGrader(server, spec.Grading, spec.Seed, ServerRequests);
        }

        var directory = FolderOf(name, model) ?? throw new ArgumentException($"Nothing stands behind the name \"{name}\".", nameof(model));
        return spec.ProtocolOf(name) switch
        {
            PaperPrompts.Protocol when spec.Grading.Verdicts == VerdictReading.Likelihood => new LikelihoodGrader(Frozen(directory), Chat(directory), spec.Grading.Reference, spec.Grading.Threshold),
            PaperPrompts.Protocol => new PaperPlanGrader(new LocalTextModel(name, Frozen(directory), Chat(directory)), spec.Grading, spec.Seed),
            _ => new CompactGrader(Frozen(directory), SandboxBaseModel.GraderThreshold(directory), spec.Grading.Reference),
        };
    }

    private ChatFormat Chat(string directory) => ChatFormat.Load(directory, Frozen(directory).Tokenizer, Frozen(directory).Config.VocabularySize);

    /// <summary>Folders of the models that are only read, each once.</summary>
    private IEnumerable<string> Readers()
    {
        string?[] graders = [FolderOf(spec.Grader, request.Grader), FolderOf(spec.Judge, request.Judge), evaluated is null && NeedsReference && spec.Lora.Rank == 0 ? request.ModelDirectory : null];
        return graders.OfType<string>().Concat(evaluated?.Folders ?? []).Distinct(StringComparer.Ordinal);
    }

    private string? FolderOf(string name, GradingModel model) => name == RunSpec.InitialGrader ? request.ModelDirectory : model.Directory;

    /// <summary>A checkpoint that is only read, held once whatever its roles: the same bits as the whole model, without room for training.</summary>
    public IPolicyEngine Frozen(string directory)
    {
        if (!frozen.TryGetValue(directory, out var engine))
        {
            frozen.Add(directory, engine = IsTorch ? OptionalEngines.LoadTorch(directory, options) : CpuEngine.LoadReadOnly(directory, Pool, options));
        }

        return engine;
    }
}
