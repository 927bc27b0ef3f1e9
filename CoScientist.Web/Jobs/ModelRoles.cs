using CoScientist.Core.Evaluations;
using CoScientist.Core.Grading;
using CoScientist.Core.Grading.PaperProtocol;
using CoScientist.Core.Runs;
using CoScientist.Core.Storage;
using CoScientist.Core.TextModels;
using CoScientist.Training.Engines;
using CoScientist.Training.Kernels.Mixed;
using CoScientist.Training.Protocols;
using CoScientist.Training.Sandbox;
using CoScientist.Web.Configuration;
using CoScientist.Web.Runs;

namespace CoScientist.Web.Jobs;

/// <summary>Puts a model, called by its name, into a role. Checkpoints are looked for first, then model servers.</summary>
internal sealed class ModelRoles(ModelCatalog catalog, RunCheckpointStore checkpoints, TextModels servers)
{
    /// <summary>Name that stands for the sandbox's oracle.</summary>
    public const string Oracle = RunSpec.Oracle;

    // Room for the 750 words of a plan with some thought before them; a large model on a server thinks longer.
    private const int LocalTokens = 2048;

    /// <summary>Who plays a role, where the command line names nobody.</summary>
    /// <param name="role">The role.</param>
    /// <param name="option">The option that would name somebody.</param>
    /// <exception cref="InvalidDataException">Nobody plays it.</exception>
    public string PlayerOf(ModelRole role, string option) => servers.NamesOf(role) is [var name, ..]
        ? name
        : throw new InvalidDataException($"Name a model with {option}, or say on Admin, Model servers, who plays the role {role}.");

    /// <summary>The specification with those who play the roles where it names nobody: the oracle and the sandbox's base for checkpoints of the sandbox.</summary>
    /// <param name="spec">No model, an empty judge, a null jury and an empty grader are filled in.</param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <exception cref="InvalidDataException">No model is named, and nobody plays the policy.</exception>
    public async Task<EvaluationSpec> CastAsync(EvaluationSpec spec, CancellationToken cancellationToken)
    {
        IReadOnlyList<string> models = spec.Models.Count > 0 ? spec.Models : [PlayerOf(ModelRole.Policy, "--model")];
        await catalog.RegisterBuiltInsAsync(cancellationToken);
        var sandbox = await checkpoints.FindAsync(models[0], cancellationToken) is { IsSandbox: true };
        var judge = sandbox ? null : servers.NamesOf(ModelRole.Judge).FirstOrDefault();
        var grader = sandbox ? null : servers.NamesOf(ModelRole.Grader).FirstOrDefault();
        return spec with
        {
            Models = models,
            Judge = spec.Judge.Length > 0 ? spec.Judge : judge ?? Oracle,
            Jury = spec.Jury ?? (judge is null ? [] : servers.NamesOf(ModelRole.Juror)),
            Grader = spec.Grader is "" ? grader ?? ModelCatalog.SandboxBase : spec.Grader,
        };
    }

    /// <summary>A writer of plans with the usual room for an answer; a checkpoint is read in fp32.</summary>
    /// <exception cref="InvalidDataException">There is no such model, or it cannot do this; the message says what to do.</exception>
    public Task<PlanWriter> WriterAsync(string name, CancellationToken cancellationToken) => WriterAsync(name, Precision.Single, maxTokens: null, cancellationToken);

    /// <summary>A writer of plans.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="precision">Numbers in which a checkpoint is read.</param>
    /// <param name="maxTokens">Most tokens of an answer, for real goals; null for 2,048 of a checkpoint and 8,192 of a server.</param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <param name="purpose">What a server is called for, for the ledger.</param>
    /// <exception cref="InvalidDataException">There is no such model, or it cannot do this; the message says what to do.</exception>
    public async Task<PlanWriter> WriterAsync(string name, Precision precision, int? maxTokens, CancellationToken cancellationToken, string purpose = "plan")
    {
        if (await FindAsync(name, cancellationToken) is not { } checkpoint)
        {
            return new ServerPlanWriter(Server(name, ModelRole.Policy, purpose), maxTokens ?? PaperPlanWriter.MaxTokens);
        }

        var (folder, recorded) = (await catalog.ResolveAsync(name, cancellationToken), Recorded(checkpoint.Name, precision));
        if (checkpoint.IsSandbox)
        {
            return new SandboxPlanWriter(recorded, checkpoint.Id, CpuEngine.LoadReadOnly(folder, precision));
        }

        var (engine, chat) = Speaking(folder, precision);
        return new LocalPlanWriter(recorded, checkpoint.Id, engine, chat, maxTokens ?? LocalTokens);
    }

    /// <summary>A grader of plans whose verdicts are read in its answer; a checkpoint is read in fp32.</summary>
    /// <exception cref="InvalidDataException">There is no such model, or it cannot do this; the message says what to do.</exception>
    public Task<PlanGrader> GraderAsync(string name, GraderRole role, CancellationToken cancellationToken) => GraderAsync(name, role, Precision.Single, new GradingSpec(), cancellationToken);

    /// <summary>Whether a name is that of a model server, and of no checkpoint.</summary>
    /// <exception cref="InvalidDataException">There is no such model; the message says what to do.</exception>
    public async Task<bool> IsServerAsync(string name, CancellationToken cancellationToken) => name != Oracle && await FindAsync(name, cancellationToken) is null;

    /// <summary>A grader of plans.</summary>
    /// <param name="name">Its name, or <see cref="Oracle"/>.</param>
    /// <param name="role">Capacity.</param>
    /// <param name="precision">Numbers in which a checkpoint is read.</param>
    /// <param name="grading">Where a checkpoint's verdicts on real plans are read, and from what likelihood on they pass; a server's are read in its answer. The reference is always shown.</param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <param name="purpose">What a server is called for, for the ledger.</param>
    /// <exception cref="InvalidDataException">There is no such model, or it cannot do this; the message says what to do.</exception>
    public async Task<PlanGrader> GraderAsync(string name, GraderRole role, Precision precision, GradingSpec grading, CancellationToken cancellationToken, string purpose = "grade")
    {
        if (name == Oracle)
        {
            return new OraclePlanGrader();
        }

        if (await FindAsync(name, cancellationToken) is not { } checkpoint)
        {
            return grading.Verdicts == VerdictReading.Answer
                ? new ServerPlanGrader(Server(name, role == GraderRole.SelfGrade ? ModelRole.Grader : ModelRole.Judge, purpose), role)
                : throw new InvalidDataException($"The model server \"{name}\" does not say how likely its tokens were: leave --verdicts out, or name a checkpoint.");
        }

        var (folder, recorded) = (await catalog.ResolveAsync(name, cancellationToken), Recorded(checkpoint.Name, precision));
        if (checkpoint.IsSandbox)
        {
            return new SandboxPlanGrader(recorded, role, CpuEngine.LoadReadOnly(folder, precision), SandboxBaseModel.GraderThreshold(folder));
        }

        var (engine, chat) = Speaking(folder, precision);
        return grading.Verdicts == VerdictReading.Answer
            ? new ServerPlanGrader(new LocalTextModel(recorded, engine, chat), role, engine)
            : new LikelihoodPlanGrader(recorded, role, engine, chat, grading.Threshold);
    }

    // What a checkpoint makes in these numbers is told from what it makes in full.
    private static string Recorded(string checkpoint, Precision precision) => precision switch { Precision.Bfloat16 => $"{checkpoint} (bf16)", Precision.Int8 => $"{checkpoint} (int8)", _ => checkpoint };

    private static (CpuEngine Engine, ChatFormat Chat) Speaking(string folder, Precision precision)
    {
        var engine = CpuEngine.LoadReadOnly(folder, precision);
        try
        {
            return (engine, ChatFormat.Load(folder, engine.Tokenizer, engine.Config.VocabularySize));
        }
        catch
        {
            engine.Dispose();
            throw;
        }
    }

    private ITextModel Server(string name, ModelRole role, string purpose)
    {
        try
        {
            return servers.Get(name, role, purpose);
        }
        catch (ArgumentException fault)
        {
            throw new InvalidDataException(fault.WithoutParameter(), fault);
        }
    }

    /// <summary>The checkpoint of that name; null when it is a model server's.</summary>
    private async Task<Checkpoint?> FindAsync(string name, CancellationToken cancellationToken)
    {
        await catalog.RegisterBuiltInsAsync(cancellationToken);
        if (await checkpoints.FindAsync(name, cancellationToken) is { } checkpoint)
        {
            return checkpoint;
        }

        if (servers.Knows(name))
        {
            return null;
        }

        // The catalog knows best what to say about its own model.
        if (name == ModelCatalog.SandboxBase)
        {
            await catalog.ResolveAsync(name, cancellationToken);
        }

        var names = (await checkpoints.ListAsync(cancellationToken)).Select(known => known.Name).Concat(servers.Names).ToList();
        throw new InvalidDataException($"There is no checkpoint or model server \"{name}\"{(names.Count == 0 ? "" : $" (there are: {string.Join(", ", names)})")}: choose one from the Models page, register a folder with 'model import', or add a server on Admin, Model servers.");
    }
}
