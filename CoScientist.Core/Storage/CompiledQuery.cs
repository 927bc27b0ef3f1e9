using Microsoft.EntityFrameworkCore;

namespace CoScientist.Core.Storage;

/// <summary>A query that is translated once, for each kind of database: one process may work with both.</summary>
/// <typeparam name="TQuery">What <see cref="EF.CompileAsyncQuery{TContext, TResult}(System.Linq.Expressions.Expression{Func{TContext, TResult}})"/> gives.</typeparam>
/// <param name="compile">Compiles it.</param>
internal sealed class CompiledQuery<TQuery>(Func<TQuery> compile)
    where TQuery : Delegate
{
    private readonly Lazy<TQuery> _file = new(compile);
    private readonly Lazy<TQuery> _server = new(compile);

    /// <summary>The query as the database of a context understands it.</summary>
    public TQuery Of(DbContext db) => (db.Database.IsNpgsql() ? _server : _file).Value;
}
